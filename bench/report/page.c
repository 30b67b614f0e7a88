/* The page of page/, as scripts/page built it. */
#include "report/html.h"

__asm__(".pushsection .rodata\n"
        ".global rg_html_page\n"
        "rg_html_page:\n"
        ".incbin \"page.html\"\n"
        ".byte 0\n"
        ".popsection\n");
