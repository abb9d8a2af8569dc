#include <zlib.h>

#include "base/err.h"

#include "storage/gzip_header.h"

/* FLG's bits; 1 is a hint that the data is text. */
#define FHCRC	 2
#define FEXTRA	 4
#define FNAME	 8
#define FCOMMENT 16
#define RESERVED 0xe0

enum field {
	ID1,
	ID2,
	METHOD,
	FLAGS,
	TIME, /* and XFL and OS */
	EXTRA_LEN,
	EXTRA,
	NAME,
	COMMENT,
	HCRC,
	END
};

/* The first field from this one on that the flags say is there. */
static enum field
present(const struct gzip_header *h, enum field f)
{
	if (f == EXTRA_LEN && !(h->flags & FEXTRA))
		f = NAME;
	if (f == EXTRA && h->skip == 0)
		f = NAME;
	if (f == NAME && !(h->flags & FNAME))
		f = COMMENT;
	if (f == COMMENT && !(h->flags & FCOMMENT))
		f = HCRC;
	if (f == HCRC && !(h->flags & FHCRC))
		f = END;
	return f;
}

static void
enter(struct gzip_header *h, enum field f)
{
	if (f == TIME)
		h->skip = 6;
	else if (f == EXTRA)
		h->skip = h->value;
	f = present(h, f);
	if (f == EXTRA_LEN || f == HCRC)
		h->skip = 2;
	h->value = 0;
	h->field = f;
}

static int
fixed_byte(struct gzip_header *h, unsigned char c, struct err *err)
{
	static const unsigned char expected[] = {0x1f, 0x8b, 8};

	if (c != expected[h->field])
		return err_set(err, ERR_CORRUPT,
		    h->field == METHOD ? "gzip: unknown compression method"
				       : "gzip: not a gzip header");
	enter(h, h->field + 1);
	return 0;
}

/* A byte of the fields that end after a number of them. */
static int
counted_byte(struct gzip_header *h, unsigned char c, struct err *err)
{
	enum field f = h->field;

	h->value |= (unsigned)c << (h->skip == 1 ? 8 : 0);
	if (--h->skip > 0)
		return 0;
	if (f == HCRC && h->value != (h->crc & 0xffff))
		return err_set(err, ERR_CORRUPT, "gzip: wrong header checksum");
	enter(h, f + 1);
	return 0;
}

int
gzip_header_byte(
    struct gzip_header *h, unsigned char c, bool *done, struct err *err)
{
	enum field f = h->field;
	int rc = 0;

	if (f != HCRC)
		h->crc = (uint32_t)crc32(h->crc, &c, 1);
	switch (f) {
	case ID1:
	case ID2:
	case METHOD:
		rc = fixed_byte(h, c, err);
		break;
	case FLAGS:
		if (c & RESERVED)
			return err_set(
			    err, ERR_CORRUPT, "gzip: reserved flags are set");
		h->flags = c;
		enter(h, TIME);
		break;
	case NAME:
	case COMMENT:
		if (c == 0)
			enter(h, f + 1);
		break;
	case TIME:
	case EXTRA_LEN:
	case EXTRA:
	case HCRC:
	case END:
		rc = counted_byte(h, c, err);
		break;
	}
	*done = h->field == END;
	return rc;
}
