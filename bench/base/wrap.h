/* Text for a terminal of 100 columns. */
#ifndef RG_BASE_WRAP_H
#define RG_BASE_WRAP_H

#include <stdio.h>

#define RG_WRAP_WIDTH 100

/* Prints text and a newline; words that do not fit go on in the next line, after `indent` blanks. `column` columns of
 * the first line are taken already. A newline in the text ends a line, an empty line parts paragraphs. */
void rg_wrap_print(const char *text, int column, int indent, FILE *out);

#endif
