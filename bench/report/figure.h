/* Numbers as people read them. Pure. */
#ifndef RG_REPORT_FIGURE_H
#define RG_REPORT_FIGURE_H

#define RG_FIGURE_LENGTH 16

/* Three or four significant digits; "-" for what is not known. Returns out. */
const char *rg_figure(double value, char out[RG_FIGURE_LENGTH]);

#endif
