#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "rdb/rdb_reader.h"

#include "rdb/key_show.h"

static const char ELLIPSIS[] = "...";

/* C1 controls, line and paragraph ends, marks that turn text around. */
static bool
disturbs(uint32_t c)
{
	return (c >= 0x80 && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) ||
	    c == 0xfeff;
}

/* Bytes of the valid UTF-8 character at p beyond ASCII; 0 when it is none. */
static size_t
utf8_length(const unsigned char *p, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c;

	if (p[0] < 0xc0 || p[0] > 0xf7 || n > len)
		return 0;
	c = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return disturbs(c) ? 0 : n;
}

/* One character as shown, into out; returns the bytes of name it took. */
static size_t
show_one(const unsigned char *p, size_t len, char out[5])
{
	size_t n;

	if (p[0] == '\\') {
		memcpy(out, "\\\\", 3);
		return 1;
	}
	if (p[0] >= ' ' && p[0] < 0x7f) {
		out[0] = (char)p[0];
		out[1] = '\0';
		return 1;
	}
	n = p[0] < 0x80 ? 0 : utf8_length(p, len);
	if (n == 0) {
		snprintf(out, 5, "\\x%02x", p[0]);
		return 1;
	}
	memcpy(out, p, n);
	out[n] = '\0';
	return n;
}

void
key_show(struct buf *b, const unsigned char *name, size_t len)
{
	char shown[RDB_KEY_SHOWN_MAX + 1];
	char one[5];
	size_t fill = 0, whole = 0, i = 0;

	/* whole: how much still leaves room for the dots, if they come. */
	while (i < len) {
		size_t took = show_one(name + i, len - i, one);
		size_t n = strlen(one);

		if (fill + n > RDB_KEY_SHOWN_MAX)
			break;
		memcpy(shown + fill, one, n);
		fill += n;
		if (fill + strlen(ELLIPSIS) <= RDB_KEY_SHOWN_MAX)
			whole = fill;
		i += took;
	}
	buf_add(b, shown, i < len ? whole : fill);
	if (i < len)
		buf_adds(b, ELLIPSIS);
}

char *
key_shown(const unsigned char *name, size_t len)
{
	struct buf b;

	buf_init(&b, RDB_KEY_SHOWN_MAX);
	key_show(&b, name, len);
	return buf_take(&b);
}
