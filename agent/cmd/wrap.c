#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/cmd/wrap.h"

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST   40

int
wrap_width(FILE *out)
{
	int fd = fileno(out);
	struct winsize size;

	if (fd < 0 || isatty(fd) != 1 || ioctl(fd, TIOCGWINSZ, &size) != 0 ||
	    size.ws_col == 0)
		return WIDTH_DEFAULT;
	return size.ws_col < WIDTH_LEAST ? WIDTH_LEAST : size.ws_col;
}

/* Bytes that go on with a character take no column. */
static int
columns(const char *word, size_t bytes)
{
	int n = 0;

	for (size_t i = 0; i < bytes; i++)
		n += ((unsigned char)word[i] & 0xc0) != 0x80;
	return n;
}

void
wrap_print(FILE *out, const char *text, int column, int at)
{
	int width = wrap_width(out);
	bool begun = false; /* a word stands on this line */

	if (column > width / 2)
		column = width / 2;
	while (*text != '\0') {
		size_t bytes = strcspn(text, " \n");
		int n = columns(text, bytes);

		if (begun && at + 1 + n > width) {
			fprintf(out, "\n%*s", column, "");
			at = column;
		} else if (begun) {
			fputc(' ', out);
			at++;
		}
		fwrite(text, 1, bytes, out);
		at += n;
		begun = true;
		text += bytes;
		if (*text == '\n') {
			fprintf(out, "\n%*s", column, "");
			at = column;
			begun = false;
		}
		if (*text != '\0')
			text++;
	}
	fputc('\n', out);
}
