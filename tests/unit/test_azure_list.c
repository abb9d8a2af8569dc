#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/azure_xml.h"
#include "storage/blob_traits.h"
#include "storage/store.h"

#include "storage/azure_list.h"

/* As Azurite answers, shortened; what we do not know is passed over. */
#define HEAD \
	"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>" \
	"<EnumerationResults ServiceEndpoint=\"http://h/\" " \
	"ContainerName=\"c\"><Prefix>p/</Prefix><Marker/>" \
	"<MaxResults>5000</MaxResults>"
#define TAIL "</EnumerationResults>"
#define PROPS \
	"<Properties><Creation-Time>Sat, 21 Nov 2026 06:00:00 GMT" \
	"</Creation-Time><Last-Modified>Sat, 21 Nov 2026 06:27:49 GMT" \
	"</Last-Modified><Etag>0x1F</Etag><Content-Length>12345678901" \
	"</Content-Length><Content-Type>application/gzip</Content-Type>" \
	"<Content-MD5>XUFAKrxLKna5cZ2REBfFkg==</Content-MD5>" \
	"<BlobType>BlockBlob</BlobType></Properties>"
#define BLOB(name)  "<Blob><Name>" name "</Name>" PROPS "</Blob>"
#define BLOBS(list) HEAD "<Blobs>" list "</Blobs><NextMarker/>" TAIL

static int
parse(
    const char *xml, const char *strip, struct list_page *page, struct err *err)
{
	const struct azure_list_asked asked = {.strip = strip};

	*err = (struct err){0};
	return azure_list_parse(xml, strlen(xml), &asked, page, err);
}

static void
assert_refused(const char *xml, const char *why)
{
	struct list_page page;
	struct err err;

	assert_int_equal(parse(xml, "p/", &page, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	if (strstr(err.text, why) == NULL)
		fail_msg("'%s' instead of '%s'", err.text, why);
	assert_null(page.items);
	assert_null(page.next);
}

static void
reads_what_a_page_says_of_a_blob(void **state)
{
	static const char xml[] = HEAD "<Blobs>" BLOB(
	    "p/dump.rdb.gz") "<BlobPrefix><Name>p/old/</Name></BlobPrefix>"
			     "</Blobs>"
			     "<NextMarker>2!64!a&amp;b==</NextMarker>" TAIL;
	static const unsigned char md5_of_hello[] = {0x5d, 0x41, 0x40, 0x2a,
	    0xbc, 0x4b, 0x2a, 0x76, 0xb9, 0x71, 0x9d, 0x91, 0x10, 0x17, 0xc5,
	    0x92};
	struct list_page page;
	struct err err;

	(void)state;
	assert_int_equal(parse(xml, "p/", &page, &err), 0);
	assert_int_equal(page.n, 2);
	assert_string_equal(page.items[0].name, "dump.rdb.gz");
	assert_false(page.items[0].is_prefix);
	assert_int_equal(page.items[0].props.size, INT64_C(12345678901));
	assert_string_equal(page.items[0].props.etag, "\"0x1F\"");
	assert_int_equal(
	    page.items[0].props.modified_ms, INT64_C(1795242469000));
	assert_true(page.items[0].props.has_md5);
	assert_memory_equal(page.items[0].props.md5, md5_of_hello, MD5_BYTES);
	assert_string_equal(
	    page.items[0].props.content_type, "application/gzip");
	assert_string_equal(page.items[1].name, "old/");
	assert_true(page.items[1].is_prefix);
	assert_string_equal(page.next, "2!64!a&b==");
	list_page_release(&page);
}

static void
an_empty_page_has_no_next(void **state)
{
	struct list_page page;
	struct err err;

	(void)state;
	assert_int_equal(parse(HEAD "<Blobs/><NextMarker></NextMarker>" TAIL,
			     "p/", &page, &err),
	    0);
	assert_int_equal(page.n, 0);
	assert_null(page.next);
	list_page_release(&page);
}

/* Entities of XML itself, characters by number, and those that XML cannot
 * hold, which the service sends percent-encoded and marks. */
static void
names_come_out_as_they_went_in(void **state)
{
	static const struct {
		const char *xml, *name;
	} cases[] = {
	    {BLOBS(BLOB("p/a &amp; b &lt;c&gt;")), "a & b <c>"},
	    {BLOBS(BLOB("p/&#233;\xc3\xa9 &#x1F600;")),
		"\xc3\xa9\xc3\xa9 \xf0\x9f\x98\x80"},
	    {BLOBS(BLOB("p/100%25+x?y#z")), "100%25+x?y#z"},
	    {BLOBS(BLOB("p/ lead and trail ")), " lead and trail "},
	    {BLOBS(BLOB("p/<![CDATA[<raw>&amp;]]>")), "<raw>&amp;"},
	    {BLOBS("<Blob><Name Encoded=\"true\">p%2Fa%EF%BF%BE%25</Name>" PROPS
		   "</Blob>"),
		"a\xef\xbf\xbe%"},
	    {BLOBS(
		 "<Blob><Name Encoded=\"false\">p/%41</Name>" PROPS "</Blob>"),
		"%41"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct list_page page;
		struct err err;

		if (parse(cases[i].xml, "p/", &page, &err) != 0)
			fail_msg("%s", err.text);
		assert_int_equal(page.n, 1);
		assert_string_equal(page.items[0].name, cases[i].name);
		list_page_release(&page);
	}
}

static void
namespaces_and_comments_make_no_difference(void **state)
{
	struct list_page page;
	struct err err;

	(void)state;
	assert_int_equal(
	    parse(
		"<!-- x --><a:EnumerationResults xmlns:a='u:1' "
		"xmlns='u:2'><a:Blobs><a:Blob><Name>p/<!-- y -->n</Name>" PROPS
		"</a:Blob></a:Blobs></a:EnumerationResults>",
		"p/", &page, &err),
	    0);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.items[0].name, "n");
	list_page_release(&page);
}

static void
directories_and_the_prefix_itself_are_left_out(void **state)
{
	static const char xml[] = BLOBS(
	    BLOB("p/") "<Blob><Name>p/dir</Name><Properties><Etag>1</Etag>"
		       "<Content-Length>0</Content-Length>"
		       "<ResourceType>directory</ResourceType>"
		       "</Properties></Blob>" BLOB("p/dir/file"));
	struct list_page page;
	struct err err;

	(void)state;
	assert_int_equal(parse(xml, "p/", &page, &err), 0);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.items[0].name, "dir/file");
	list_page_release(&page);
}

static void
a_content_type_that_does_not_fit_is_unknown(void **state)
{
	static const char xml[] = BLOBS(
	    "<Blob><Name>p/a</Name><Properties>"
	    "<Etag>1</Etag><Content-Length>0</Content-Length><Content-Type>"
	    "application/vnd.openxmlformats-officedocument.wordprocessingml."
	    "document</Content-Type></Properties></Blob>");
	struct list_page page;
	struct err err;

	(void)state;
	assert_int_equal(parse(xml, "p/", &page, &err), 0);
	assert_string_equal(page.items[0].props.content_type, "");
	list_page_release(&page);
}

/* With all that a blob can have. */
#define RICH \
	"<Blob><Name>p/rich</Name>" \
	"<Snapshot>2026-11-21T06:27:49.1234567Z</Snapshot>" \
	"<VersionId>2026-11-20T06:27:49.1234567Z</VersionId>" \
	"<Deleted>true</Deleted><Properties>" \
	"<Creation-Time>Sat, 21 Nov 2026 06:27:49 GMT</Creation-Time>" \
	"<Etag>0x1F</Etag><Content-Length>0</Content-Length>" \
	"<Content-Type>text/plain</Content-Type>" \
	"<Content-Encoding>gzip</Content-Encoding>" \
	"<Content-Language>de</Content-Language>" \
	"<Cache-Control>no-cache</Cache-Control>" \
	"<Content-Disposition>inline</Content-Disposition>" \
	"<BlobType>PageBlob</BlobType>" \
	"<x-ms-blob-sequence-number>7</x-ms-blob-sequence-number>" \
	"<AccessTier>Archive</AccessTier>" \
	"<AccessTierInferred>true</AccessTierInferred>" \
	"<ArchiveStatus>rehydrate-pending-to-hot</ArchiveStatus>" \
	"<LeaseStatus>locked</LeaseStatus><LeaseState>leased</LeaseState>" \
	"<CopyId>c1</CopyId><CopyStatus>pending</CopyStatus>" \
	"<TagCount>2</TagCount><Sealed>true</Sealed>" \
	"<LegalHold>true</LegalHold></Properties>" \
	"<Metadata><Zeta>z &amp; z</Zeta><alpha>a</alpha>" \
	"<x-ms-invalid-name>not-a-name</x-ms-invalid-name></Metadata>" \
	"<Tags><TagSet><Tag><Key>k2</Key><Value>v2</Value></Tag>" \
	"<Tag><Key>k1</Key><Value/></Tag></TagSet></Tags></Blob>"

static int
parse_with(const char *xml, unsigned with, struct list_page *page)
{
	const struct azure_list_asked asked = {
	    .strip = "p/", .with = with, .now_ms = INT64_C(1795242469000)};
	struct err err = {0};

	return azure_list_parse(xml, strlen(xml), &asked, page, &err);
}

static void
what_a_blob_carries_is_told_where_it_was_asked_for(void **state)
{
	const struct blob_traits *t;
	struct list_page page;

	(void)state;
	assert_int_equal(
	    parse_with(BLOBS(RICH), LIST_TRAITS | LIST_TAGS, &page), 0);
	t = page.items[0].traits;
	assert_string_equal(t->content_type, "text/plain");
	assert_string_equal(t->content_encoding, "gzip");
	assert_string_equal(t->content_language, "de");
	assert_string_equal(t->cache_control, "no-cache");
	assert_string_equal(t->content_disposition, "inline");
	assert_int_equal(t->metadata.n, 3);
	assert_string_equal(t->metadata.list[0].name, "alpha");
	assert_string_equal(t->metadata.list[1].name, "not-a-name");
	assert_string_equal(t->metadata.list[2].value, "z & z");
	assert_true(t->tags_told);
	assert_int_equal(t->tags.n, 2);
	assert_string_equal(t->tags.list[0].name, "k1");
	assert_string_equal(t->tags.list[0].value, "");
	assert_string_equal(t->tags.list[1].value, "v2");
	assert_int_equal(t->tag_count, 2);
	assert_int_equal(t->tier, TIER_ARCHIVE);
	assert_string_equal(t->tier_name, "Archive");
	assert_true(t->tier_is_inferred);
	assert_string_equal(t->rehydrating, "rehydrate-pending-to-hot");
	assert_true(t->is_leased && t->is_sealed && t->is_held);
	assert_int_equal(t->sequence_number, 7);
	assert_string_equal(t->snapshot, "2026-11-21T06:27:49.1234567Z");
	assert_string_equal(t->version, "2026-11-20T06:27:49.1234567Z");
	assert_false(t->is_current_version);
	assert_true(t->is_deleted);
	assert_string_equal(t->copy_id, "c1");
	assert_string_equal(t->copy_status, "pending");
	assert_int_equal(t->created_ms, INT64_C(1795242469000));
	assert_false(t->is_directory);
	list_page_release(&page);
}

static void
what_was_not_asked_for_is_not_told(void **state)
{
	struct list_page page;

	(void)state;
	assert_int_equal(parse_with(BLOBS(RICH), 0, &page), 0);
	assert_null(page.items[0].traits);
	list_page_release(&page);
	assert_int_equal(
	    parse_with(BLOBS(BLOB("p/plain")), LIST_TRAITS, &page), 0);
	assert_false(page.items[0].traits->tags_told);
	assert_int_equal(page.items[0].traits->sequence_number, -1);
	assert_true(page.items[0].traits->is_current_version);
	assert_int_equal(page.items[0].traits->tier, TIER_NONE);
	assert_int_equal(page.items[0].traits->metadata.n, 0);
	list_page_release(&page);
}

static void
directories_are_listed_where_they_were_asked_for(void **state)
{
	static const char xml[] = BLOBS(
	    "<Blob><Name>p/dir</Name><Properties><Etag>1</Etag>"
	    "<Content-Length>0</Content-Length><ResourceType>directory"
	    "</ResourceType></Properties></Blob><Blob><Name>p/stub</Name>"
	    "<Properties><Etag>1</Etag><Content-Length>0</Content-Length>"
	    "</Properties><Metadata><Hdi_isfolder>true</Hdi_isfolder>"
	    "</Metadata></Blob>" BLOB("p/file"));
	struct list_page page;

	(void)state;
	assert_int_equal(
	    parse_with(xml, LIST_TRAITS | LIST_DIRECTORIES, &page), 0);
	assert_int_equal(page.n, 3);
	assert_true(page.items[0].traits->is_directory);
	assert_true(page.items[1].traits->is_directory);
	assert_false(page.items[2].traits->is_directory);
	list_page_release(&page);
}

/* A hierarchical namespace tells of a prefix what it tells of a directory. */
static void
a_prefix_is_one_whatever_it_has(void **state)
{
	static const char xml[] = BLOBS(
	    "<BlobPrefix><Name>p/dir/</Name><Properties><Etag>1</Etag>"
	    "<Content-Length>0</Content-Length><ResourceType>directory"
	    "</ResourceType></Properties></BlobPrefix>");
	struct list_page page;

	(void)state;
	assert_int_equal(parse_with(xml, LIST_TRAITS, &page), 0);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.items[0].name, "dir/");
	assert_true(page.items[0].is_prefix);
	list_page_release(&page);
}

static void
a_policy_holds_until_its_date(void **state)
{
#define HELD(date) \
	BLOBS("<Blob><Name>p/a</Name><Properties><Etag>1</Etag>" \
	      "<Content-Length>0</Content-Length>" \
	      "<ImmutabilityPolicyUntilDate>" date \
	      "</ImmutabilityPolicyUntilDate></Properties></Blob>")
	struct list_page page;

	(void)state;
	assert_int_equal(parse_with(HELD("Sat, 21 Nov 2026 06:27:50 GMT"),
			     LIST_TRAITS, &page),
	    0);
	assert_true(page.items[0].traits->is_held);
	list_page_release(&page);
	assert_int_equal(parse_with(HELD("Sat, 21 Nov 2026 06:27:49 GMT"),
			     LIST_TRAITS, &page),
	    0);
	assert_false(page.items[0].traits->is_held);
	list_page_release(&page);
}

static void
traits_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
	    "<Properties><TagCount>many</TagCount></Properties>",
	    "<Properties><Creation-Time>now</Creation-Time></Properties>",
	    ("<Properties><x-ms-blob-sequence-number>-1"
	     "</x-ms-blob-sequence-number></Properties>"),
	    "<Tags><TagSet><Tag><Value>v</Value></Tag></TagSet></Tags>",
	};
	struct list_page page;
	struct buf xml;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		buf_init(&xml, 4096);
		buf_addf(&xml, "%s%s%s",
		    HEAD "<Blobs><Blob><Name>p/a</Name>" PROPS, bad[i],
		    "</Blob></Blobs>" TAIL);
		assert_int_equal(parse_with(xml.data, LIST_TRAITS, &page), -1);
		assert_int_equal(parse_with(xml.data, 0, &page), 0);
		list_page_release(&page);
		buf_release(&xml);
	}
}

static void
lies_are_refused(void **state)
{
	(void)state;
	assert_refused(BLOBS(BLOB("q/elsewhere")), "was listed below 'p/'");
	assert_refused(BLOBS("<Blob>" PROPS "</Blob>"), "without a name");
	assert_refused(
	    BLOBS("<Blob><Name>p/a</Name><Name>p/b</Name>" PROPS "</Blob>"),
	    "two names");
	assert_refused(
	    BLOBS("<Blob><Name>p/a</Name></Blob>"), "without its size or ETag");
	assert_refused(
	    BLOBS("<Blob><Name>p/a</Name><Properties>"
		  "<Content-Length>1</Content-Length></Properties></Blob>"),
	    "without its size or ETag");
	assert_refused(
	    BLOBS("<Blob><Name>p/a</Name><Properties>"
		  "<Content-Length>-1</Content-Length></Properties></Blob>"),
	    "is no content length");
	assert_refused(
	    BLOBS("<Blob><Name>p/a</Name><Properties>"
		  "<Content-Length>99999999999999999999</Content-Length>"
		  "</Properties></Blob>"),
	    "is no content length");
	assert_refused(
	    BLOBS("<Blob><Name>p/a</Name><Properties>"
		  "<Content-MD5>AAAA</Content-MD5></Properties></Blob>"),
	    "is no MD5");
	assert_refused(
	    BLOBS(
		"<Blob><Name>p/a</Name><Properties>"
		"<Last-Modified>yesterday</Last-Modified></Properties></Blob>"),
	    "is no date");
	assert_refused(BLOBS("<Blob><Name Encoded='true'>p/%zz</Name></Blob>"),
	    "'%' is not followed");
	assert_refused(
	    BLOBS("<Blob><Name Encoded='true'>p/%00</Name></Blob>"), "%00");
	assert_refused(
	    "<html><body>proxy says hello</body></html>", "no blob listing");
	assert_refused("", "bad XML");
	assert_refused("not XML", "bad XML");
	assert_refused(BLOBS("") "<more/>", "bad XML");
	assert_refused(
	    "<EnumerationResults>\xff</EnumerationResults>", "bad XML");
}

/* Wherever the page is cut, it is no page. */
static void
every_cut_is_noticed(void **state)
{
	static const char xml[] = BLOBS(BLOB("p/a &amp; b") BLOB("p/c"));
	const struct azure_list_asked asked = {.strip = "p/"};
	struct list_page page;
	struct err err;

	(void)state;
	for (size_t len = 0; len < sizeof(xml) - 1; len++) {
		char *copy = malloc(len + 1);

		assert_non_null(copy);
		memcpy(copy, xml, len);
		err = (struct err){0};
		assert_int_equal(
		    azure_list_parse(copy, len, &asked, &page, &err), -1);
		assert_int_equal(err.kind, ERR_CORRUPT);
		free(copy);
	}
	assert_int_equal(parse(xml, "p/", &page, &err), 0);
	list_page_release(&page);
}

static void
bombs_do_not_go_off(void **state)
{
	(void)state;
	assert_refused("<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\">"
		       "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
		       "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]>"
		       "<EnumerationResults><NextMarker>&c;</NextMarker>"
		       "</EnumerationResults>",
	    "document type is refused");
	assert_refused("<!DOCTYPE l SYSTEM \"file:///etc/passwd\">"
		       "<EnumerationResults/>",
	    "document type is refused");
	assert_refused("<EnumerationResults><NextMarker>&xxe;</NextMarker>"
		       "</EnumerationResults>",
	    "bad XML");
}

/* text n times between head and tail. */
static char *
repeated(const char *head, const char *text, size_t n, const char *tail)
{
	struct buf out;

	buf_init(&out, (size_t)64 << 20);
	buf_adds(&out, head);
	while (n-- > 0)
		buf_adds(&out, text);
	buf_adds(&out, tail);
	return buf_take(&out);
}

static void
depth_text_and_count_have_ceilings(void **state)
{
	struct list_page page;
	struct err err;
	char *xml;

	(void)state;
	xml = repeated("<EnumerationResults>", "<a>", 100000, "");
	assert_refused(xml, "nested over 16 deep");
	free(xml);
	xml = repeated("<EnumerationResults><", "long", AZURE_XML_PATH_MAX,
	    "/></EnumerationResults>");
	assert_refused(xml, "path");
	free(xml);
	xml = repeated("<EnumerationResults><NextMarker>", "0123456789abcdef",
	    AZURE_XML_TEXT_MAX / 16 + 1, "</NextMarker>" TAIL);
	assert_refused(xml, "text");
	free(xml);
	xml = repeated(
	    HEAD "<Blobs>", BLOB("p/a"), AZURE_LIST_ITEMS_MAX, "</Blobs>" TAIL);
	assert_int_equal(parse(xml, "p/", &page, &err), 0);
	assert_int_equal(page.n, AZURE_LIST_ITEMS_MAX);
	list_page_release(&page);
	free(xml);
	xml = repeated(HEAD "<Blobs>", BLOB("p/a"), AZURE_LIST_ITEMS_MAX + 1,
	    "</Blobs>" TAIL);
	assert_refused(xml, "over 5000 blobs");
	free(xml);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_what_a_page_says_of_a_blob),
	    cmocka_unit_test(an_empty_page_has_no_next),
	    cmocka_unit_test(names_come_out_as_they_went_in),
	    cmocka_unit_test(namespaces_and_comments_make_no_difference),
	    cmocka_unit_test(directories_and_the_prefix_itself_are_left_out),
	    cmocka_unit_test(a_content_type_that_does_not_fit_is_unknown),
	    cmocka_unit_test(
		what_a_blob_carries_is_told_where_it_was_asked_for),
	    cmocka_unit_test(what_was_not_asked_for_is_not_told),
	    cmocka_unit_test(directories_are_listed_where_they_were_asked_for),
	    cmocka_unit_test(a_prefix_is_one_whatever_it_has),
	    cmocka_unit_test(a_policy_holds_until_its_date),
	    cmocka_unit_test(traits_that_are_none_are_refused),
	    cmocka_unit_test(lies_are_refused),
	    cmocka_unit_test(every_cut_is_noticed),
	    cmocka_unit_test(bombs_do_not_go_off),
	    cmocka_unit_test(depth_text_and_count_have_ceilings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
