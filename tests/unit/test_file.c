/* base/file: files that are whole or not there at all. */
#include "helpers.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_directory(void **state)
{
    *state = new_directory();
    return 0;
}

static int drop_directory(void **state)
{
    remove_directory(*state);
    return 0;
}

/* Files of this process can't grow beyond so many bytes: as on a disk that fills up in the middle of a write. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_file_that_was_written_reads_back(void **state)
{
    char *path = path_in(*state, "new"), *text = NULL;
    struct rg_error err = {{0}};
    size_t bytes = 0;
    assert_int_equal(rg_file_write_atomic(path, "one\ntwo\n", &err), 0);
    assert_int_equal(rg_file_read(path, 8, &text, &bytes, &err), 0);
    assert_int_equal(bytes, 8);
    assert_string_equal(text, "one\ntwo\n");
    assert_int_equal(entries_of(*state), 1);
    free(text);
    free(path);
}

static void a_link_stays_one_and_its_file_is_replaced(void **state)
{
    char *file = path_in(*state, "file"), *link = path_in(*state, "link"), *text = NULL;
    struct rg_error err = {{0}};
    struct stat status;
    write_text(file, "old");
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(rg_file_write_atomic(link, "new", &err), 0);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    text = read_text(file);
    assert_string_equal(text, "new");
    assert_int_equal(entries_of(*state), 2);
    free(text);
    free(link);
    free(file);
}

static void what_is_no_file_is_written_to_and_stays_what_it_is(void **state)
{
    char *pipe = path_in(*state, "pipe"), got[8] = "";
    struct rg_error err = {{0}};
    struct stat status;
    assert_int_equal(mkfifo(pipe, 0600), 0);
    int fd = open(pipe, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(rg_file_write_atomic(pipe, "text", &err), 0);
    assert_int_equal(read(fd, got, sizeof got - 1), 4);
    assert_string_equal(got, "text");
    close(fd);
    assert_int_equal(lstat(pipe, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(entries_of(*state), 1);
    free(pipe);
}

static void a_file_of_many_blocks_reads_back(void **state)
{
    const size_t bytes = 300000;
    char *path = path_in(*state, "large"), *text = malloc(bytes + 1), *back = NULL;
    struct rg_error err = {{0}};
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        text[i] = (char)('a' + i * 7 % 26);
    text[bytes] = '\0';
    assert_int_equal(rg_file_write_atomic(path, text, &err), 0);
    assert_int_equal(rg_file_read(path, bytes, &back, &count, &err), 0);
    assert_int_equal(count, bytes);
    assert_string_equal(back, text);
    free(back);
    free(text);
    free(path);
}

static void an_empty_file_reads_as_an_empty_text(void **state)
{
    char *path = path_in(*state, "empty"), *text = NULL;
    write_text(path, "");
    assert_int_equal(rg_file_read(path, 0, &text, NULL, NULL), 0);
    assert_string_equal(text, "");
    free(text);
    free(path);
}

static void a_file_above_the_limit_is_refused(void **state)
{
    char *path = path_in(*state, "large"), *text = NULL;
    struct rg_error err = {{0}};
    write_text(path, "123456789");
    assert_int_equal(rg_file_read(path, 8, &text, NULL, &err), -EFBIG);
    assert_begins(err.text, path);
    assert_null(text);
    free(path);
}

static void what_cannot_be_read_is_named(void **state)
{
    char *path = path_in(*state, "none"), *text = NULL;
    struct rg_error err = {{0}};
    assert_int_equal(rg_file_read(path, 8, &text, NULL, &err), -ENOENT);
    assert_begins(err.text, path);
    assert_has(err.text, strerror(ENOENT));
    assert_int_equal(rg_file_read(*state, 8, &text, NULL, &err), -EISDIR);
    free(path);
}

static void writing_replaces_the_whole_file(void **state)
{
    char *path = path_in(*state, "file");
    write_text(path, "a much longer text than the one that comes after it\n");
    assert_int_equal(rg_file_write_atomic(path, "short\n", NULL), 0);
    char *text = read_text(path);
    assert_string_equal(text, "short\n");
    assert_int_equal(entries_of(*state), 1);
    free(text);
    free(path);
}

static void a_reader_keeps_the_file_that_it_has_open(void **state)
{
    char *path = path_in(*state, "file"), text[8] = "";
    write_text(path, "old\n");
    FILE *reader = fopen(path, "re");
    assert_int_equal(rg_file_write_atomic(path, "new\n", NULL), 0);
    assert_non_null(fgets(text, sizeof text, reader));
    assert_string_equal(text, "old\n"); /* replaced, not written over */
    fclose(reader);
    free(path);
}

static void a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else(void **state)
{
    char *path = path_in(*state, "file"), large[5000];
    struct rg_error err = {{0}};
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    write_text(path, "old\n");
    limit_files(4096);
    int code = rg_file_write_atomic(path, large, &err);
    limit_files(RLIM_INFINITY);
    assert_int_equal(code, -EFBIG);
    assert_begins(err.text, path);
    char *text = read_text(path);
    assert_string_equal(text, "old\n");
    assert_int_equal(entries_of(*state), 1);
    free(text);
    free(path);
}

static void a_write_into_a_directory_that_vanished_fails(void **state)
{
    char *gone = path_in(*state, "gone"), *path = path_in(gone, "file");
    struct rg_error err = {{0}};
    assert_int_equal(mkdir(gone, 0777), 0);
    assert_int_equal(rg_file_write_atomic(path, "once\n", &err), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(gone), 0);
    assert_int_equal(rg_file_write_atomic(path, "twice\n", &err), -ENOENT);
    assert_begins(err.text, path);
    assert_int_equal(entries_of(*state), 0);
    free(path);
    free(gone);
}

static void a_rename_that_fails_leaves_no_temporary_file(void **state)
{
    char *path = path_in(*state, "directory");
    struct rg_error err = {{0}};
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(rg_file_write_atomic(path, "text\n", &err), -EISDIR);
    assert_begins(err.text, path);
    assert_int_equal(entries_of(*state), 1);
    free(path);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    char path[8192];
    struct rg_error err = {{0}};
    (void)state;
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(rg_file_write_atomic(path, "text\n", &err), -ENAMETOOLONG);
}

static void a_journal_holds_the_lines_in_order(void **state)
{
    char *path = path_in(*state, "journal");
    struct rg_journal *journal = NULL;
    struct rg_error err = {{0}};
    assert_int_equal(rg_journal_open(path, &journal, &err), 0);
    assert_int_equal(rg_journal_append(journal, "one", &err), 0);
    assert_int_equal(rg_journal_append(journal, "", &err), 0);
    assert_int_equal(rg_journal_append(journal, "three", &err), 0);
    assert_int_equal(rg_journal_sync(journal, &err), 0);
    char *text = read_text(path);
    assert_string_equal(text, "one\n\nthree\n");
    free(text);
    rg_journal_close(journal);
    rg_journal_close(NULL);
    free(path);
}

static void a_journal_takes_back_what_was_not_synced(void **state)
{
    char *path = path_in(*state, "journal");
    struct rg_journal *journal = NULL;
    struct rg_error err = {{0}};
    assert_int_equal(rg_journal_open(path, &journal, &err), 0);
    assert_int_equal(rg_journal_append(journal, "one", &err), 0);
    assert_int_equal(rg_journal_sync(journal, &err), 0);
    assert_int_equal(rg_journal_append(journal, "two", &err), 0);
    assert_int_equal(rg_journal_append(journal, "three", &err), 0);
    assert_int_equal(rg_journal_rewind(journal, &err), 0);
    assert_int_equal(rg_journal_append(journal, "four", &err), 0);
    rg_journal_close(journal);
    char *text = read_text(path);
    assert_string_equal(text, "one\nfour\n");
    free(text);
    free(path);
}

static void a_journal_that_is_resumed_keeps_as_many_lines_as_it_is_told(void **state)
{
    char *path = path_in(*state, "journal");
    struct rg_journal *journal = NULL;
    struct rg_error err = {{0}};
    write_text(path, "one\ntwo\nthree\n{\"half a l");
    assert_int_equal(rg_journal_resume(path, &journal, &err), 0);
    assert_int_equal(rg_journal_keep(journal, 4, &err), -EINVAL);
    assert_has(err.text, "holds fewer than the run's 4 measurements");
    assert_int_equal(rg_journal_keep(journal, 2, &err), 0);
    assert_int_equal(rg_journal_append(journal, "four", &err), 0);
    assert_int_equal(rg_journal_rewind(journal, &err), 0);
    rg_journal_close(journal);
    char *text = read_text(path);
    assert_string_equal(text, "one\ntwo\n");
    free(text);
    free(path);
}

/* A lock belongs to what was opened, so that a second opening stands for a second process. */
static void a_journal_has_one_writer_at_a_time(void **state)
{
    char *path = path_in(*state, "journal"), number[32];
    struct rg_journal *journal = NULL, *other = NULL;
    struct rg_error err = {{0}};
    assert_int_equal(rg_journal_open(path, &journal, &err), 0);
    assert_int_equal(rg_journal_resume(path, &other, &err), -EBUSY);
    assert_null(other);
    snprintf(number, sizeof number, "process %ld", (long)getpid());
    assert_has(err.text, number);
    rg_journal_close(journal);
    assert_int_equal(rg_journal_resume(path, &other, &err), 0);
    rg_journal_close(other);
    free(path);
}

static void a_journal_refuses_a_file_that_exists(void **state)
{
    char *path = path_in(*state, "journal");
    struct rg_journal *journal = NULL;
    struct rg_error err = {{0}};
    write_text(path, "of an earlier run\n");
    assert_int_equal(rg_journal_open(path, &journal, &err), -EEXIST);
    assert_begins(err.text, path);
    assert_null(journal);
    char *text = read_text(path);
    assert_string_equal(text, "of an earlier run\n");
    free(text);
    free(path);
}

static void a_line_that_could_not_be_written_whole_is_taken_back(void **state)
{
    char *path = path_in(*state, "journal"), large[5000];
    struct rg_journal *journal = NULL;
    struct rg_error err = {{0}};
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    assert_int_equal(rg_journal_open(path, &journal, &err), 0);
    assert_int_equal(rg_journal_append(journal, "first", &err), 0);
    limit_files(4096);
    int code = rg_journal_append(journal, large, &err);
    limit_files(RLIM_INFINITY);
    assert_int_equal(code, -EFBIG);
    assert_begins(err.text, path);
    assert_int_equal(rg_journal_append(journal, "last", &err), 0);
    char *text = read_text(path);
    assert_string_equal(text, "first\nlast\n");
    free(text);
    rg_journal_close(journal);
    free(path);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, drop_directory)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_DIRECTORY(a_file_that_was_written_reads_back),
        IN_DIRECTORY(a_link_stays_one_and_its_file_is_replaced),
        IN_DIRECTORY(what_is_no_file_is_written_to_and_stays_what_it_is),
        IN_DIRECTORY(a_file_of_many_blocks_reads_back),
        IN_DIRECTORY(an_empty_file_reads_as_an_empty_text),
        IN_DIRECTORY(a_file_above_the_limit_is_refused),
        IN_DIRECTORY(what_cannot_be_read_is_named),
        IN_DIRECTORY(writing_replaces_the_whole_file),
        IN_DIRECTORY(a_reader_keeps_the_file_that_it_has_open),
        IN_DIRECTORY(a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else),
        IN_DIRECTORY(a_write_into_a_directory_that_vanished_fails),
        IN_DIRECTORY(a_rename_that_fails_leaves_no_temporary_file),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
        IN_DIRECTORY(a_journal_holds_the_lines_in_order),
        IN_DIRECTORY(a_journal_takes_back_what_was_not_synced),
        IN_DIRECTORY(a_journal_that_is_resumed_keeps_as_many_lines_as_it_is_told),
        IN_DIRECTORY(a_journal_has_one_writer_at_a_time),
        IN_DIRECTORY(a_journal_refuses_a_file_that_exists),
        IN_DIRECTORY(a_line_that_could_not_be_written_whole_is_taken_back),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
