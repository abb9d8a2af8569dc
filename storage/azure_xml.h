/*
 * azure_xml.h -- the service's XML, read by expat, element by element.
 *
 * A document is told as paths of local names from the root on
 * ("EnumerationResults/Blobs/Blob/Name") with the text each element held, so
 * that a reader is a list of string comparisons.  Namespaces are ignored.
 *
 * Nothing a peer sends is trusted: depth, text and path have ceilings, and a
 * document type, without which there are no entities to expand, is refused.
 */
#ifndef STORAGE_AZURE_XML_H
#define STORAGE_AZURE_XML_H

#include <stddef.h>

struct err;

/* A blob's name is at most 1,024 characters, percent-encoded at the worst. */
#define AZURE_XML_DEPTH_MAX 16
#define AZURE_XML_PATH_MAX  512
#define AZURE_XML_TEXT_MAX  ((size_t)16 << 10)

struct azure_xml_reader {
	void *arg;

	/* An element begins; may be NULL. */
	int (*open)(void *arg, const char *path, struct err *);

	/*
	 * It ends.  text is what stood directly in it; decoded when the
	 * service had to percent-encode it (Encoded="true").
	 */
	int (*close)(
	    void *arg, const char *path, const char *text, struct err *);
};

/*
 * ERR_CORRUPT for what is not one whole, plain XML document; else what a
 * function of the reader failed with.
 */
int azure_xml_read(const char *text, size_t len,
    const struct azure_xml_reader *, struct err *);

#endif
