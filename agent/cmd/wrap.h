/*
 * wrap.h -- text for people, broken at blanks to the width of their page.
 *
 * That is the terminal's, or 80 columns where there is none.  A word without
 * room stands on a line of its own, whole: names and URLs are there to be
 * copied.  A character of UTF-8 counts as one column, and is never cut.
 */
#ifndef AGENT_CMD_WRAP_H
#define AGENT_CMD_WRAP_H

#include <stdio.h>

int wrap_width(FILE *out);

/*
 * The cursor stands in column at; later lines begin at column, or in the
 * middle of a page that is too narrow for that.  A newline in the text is one
 * there, too; the last line is ended.
 */
void wrap_print(FILE *out, const char *text, int column, int at);

#endif
