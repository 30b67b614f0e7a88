#include "base/wrap.h"

#include <stdbool.h>
#include <string.h>

void rg_wrap_print(const char *text, int column, int indent, FILE *out)
{
    bool begins = column <= indent; /* a line: no space goes before the word */
    while (*text != '\0') {
        if (*text == '\n') {
            fprintf(out, "\n%*s", text[1] == '\n' ? 0 : indent, "");
            column = indent;
            begins = true;
            text++;
            continue;
        }
        int length = (int)strcspn(text, " \n");
        if (!begins && column + 1 + length > RG_WRAP_WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (!begins) {
            fputc(' ', out);
            column++;
        }
        begins = false;
        fwrite(text, 1, (size_t)length, out);
        column += length;
        text += length;
        text += *text == ' ';
    }
    fputc('\n', out);
}
