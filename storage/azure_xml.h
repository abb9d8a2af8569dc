/*
 * azure_xml.h -- the service's XML, element by element.
 *
 * What the service sends is a small part of XML: elements, attributes, text in
 * UTF-8.  That part is read here and the rest refused, most of all document
 * types, without which there are no entities to expand.  Read by expat a page
 * of a listing took 8 us a blob, half of them expat's own; it takes 2 so.  What
 * is read as XML here, the fuzzer compares with what expat reads.
 *
 * Namespaces are ignored.  Nothing a peer sends is trusted: depth, text and
 * path have ceilings.
 */
#ifndef STORAGE_AZURE_XML_H
#define STORAGE_AZURE_XML_H

#include <stddef.h>

struct buf;
struct err;

/* Metadata has up to 8 KiB; a name 1,024 characters, percent-encoded at the
 * worst. */
#define AZURE_XML_DEPTH_MAX 16
#define AZURE_XML_PATH_MAX  512
#define AZURE_XML_TEXT_MAX  ((size_t)16 << 10)

/* Where an element stands. */
struct azure_xml_place {
	const char *path; /* local names from the root on: "BlockList/Latest" */
	const char *name; /* the last of them */
	unsigned depth;	  /* 1: the root */
};

struct azure_xml_reader {
	void *arg;

	/* An element begins; may be NULL. */
	int (*open)(void *arg, const struct azure_xml_place *, struct err *);

	/*
	 * It ends.  text is what stood in it behind its last child; decoded
	 * when the service had to percent-encode it (Encoded="true").
	 */
	int (*close)(void *arg, const struct azure_xml_place *,
	    const char *text, struct err *);
};

/*
 * ERR_CORRUPT for what is not one whole, plain XML document; else what a
 * function of the reader failed with.
 */
int azure_xml_read(const char *text, size_t len,
    const struct azure_xml_reader *, struct err *);

/* Appends <name>text</name>, the text escaped. */
void azure_xml_add(struct buf *, const char *name, const char *text);

#endif
