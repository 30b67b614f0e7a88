/* What the doubles of the verbs transport and of the MPI collective were called for. */
#ifndef RG_TESTS_DOUBLES_H
#define RG_TESTS_DOUBLES_H

struct double_calls {
    int opened, closed;
};

extern struct double_calls double_calls;

#endif
