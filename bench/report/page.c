/* The page of page/, as scripts/page built it; RG_PAGE is where. */
#include "report/html.h"

__asm__(".pushsection .rodata\n"
        ".global rg_html_page\n"
        "rg_html_page:\n"
        ".incbin \"" RG_PAGE "\"\n"
        ".byte 0\n"
        ".popsection\n");
