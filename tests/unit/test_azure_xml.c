#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"

#include "storage/azure_xml.h"

static int
on_open(void *arg, const struct azure_xml_place *at, struct err *err)
{
	(void)err;
	buf_addf(arg, "<%u %s|%s\n", at->depth, at->path, at->name);
	return 0;
}

static int
on_close(void *arg, const struct azure_xml_place *at, const char *text,
    struct err *err)
{
	if (strcmp(text, "fail") == 0)
		return err_set(err, ERR_REFUSED, "as it was told to");
	buf_addf(arg, ">%u %s|%s [%s]\n", at->depth, at->path, at->name, text);
	return 0;
}

static int
read_into(const char *xml, size_t len, struct buf *out, struct err *err)
{
	const struct azure_xml_reader reader = {
	    .arg = out, .open = on_open, .close = on_close};
	/* Not a byte more than there is, for the sanitizer to see. */
	char *exact = malloc(len > 0 ? len : 1);
	int rc;

	assert_non_null(exact);
	memcpy(exact, xml, len);
	*err = (struct err){0};
	rc = azure_xml_read(exact, len, &reader, err);
	free(exact);
	return rc;
}

static void
assert_reads(const char *xml, const char *want)
{
	struct buf out;
	struct err err;

	buf_init(&out, 1 << 20);
	if (read_into(xml, strlen(xml), &out, &err) != 0)
		fail_msg("%s: %s", xml, err.text);
	assert_string_equal(out.data, want);
	buf_release(&out);
}

static void
elements_are_told_with_their_places_and_text(void **state)
{
	(void)state;
	assert_reads("<?xml version='1.0'?>\n<!-- x --><a k=\"v>\"><b >1</b>"
		     "<c/>tail</a >\n",
	    "<1 a|a\n<2 a/b|b\n>2 a/b|b [1]\n<2 a/c|c\n>2 a/c|c []\n"
	    ">1 a|a [tail]\n");
	assert_reads("\xef\xbb\xbf<n:a><n:b-1.x/></n:a>",
	    "<1 a|a\n<2 a/b-1.x|b-1.x\n>2 a/b-1.x|b-1.x []\n>1 a|a []\n");
}

static void
text_comes_out_as_it_was_meant(void **state)
{
	(void)state;
	assert_reads(
	    "<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;&#xe9;&#x1f600;</a>",
	    "<1 a|a\n>1 a|a [<&>\"'AB\xc3\xa9\xf0\x9f\x98\x80]\n");
	assert_reads("<a>x<![CDATA[<&]]]>&#xFFFD;<!-- - -->y<?z?></a>",
	    "<1 a|a\n>1 a|a [x<&]\xef\xbf\xbdy]\n");
	assert_reads("<a Encoded='true'>%41%25</a>", "<1 a|a\n>1 a|a [A%]\n");
	assert_reads("<a Encoded='false'>%41</a>", "<1 a|a\n>1 a|a [%41]\n");
	assert_reads("<a Encoded='true'><b>%41</b>%41</a>",
	    "<1 a|a\n<2 a/b|b\n>2 a/b|b [%41]\n>1 a|a [%41]\n");
}

static void
what_is_no_plain_xml_is_refused(void **state)
{
	static const char *const bad[] = {"", " ", "x", "<", "<a", "<a>",
	    "<a></b>", "<a></a", "</a>", "<a/><b/>", "<a/>x", "<a><b></a></b>",
	    "<a b></a>", "<a b=c/>", "<a b='c/>", "<a b='<'/>", "<a'b'/>",
	    "<1/>", "<-a/>", "<a:/>", "< a/>", "<a>&b;</a>", "<a>&amp</a>",
	    "<a>&#0;</a>", "<a>&#;</a>", "<a>&#x;</a>", "<a>&#xd800;</a>",
	    "<a>&#x110000;</a>", "<a>&#12345678;</a>", "<a>&;</a>",
	    "<a>\x01</a>", "<a>\xff</a>", "<a>\xef\xbf\xbf</a>",
	    "<a>\xed\xa0\x80</a>", "<a>\xc3", "<!-- ", "<?x", "<a><![CDATA[x",
	    "<![CDATA[x]]><a/>", "<!DOCTYPE a><a/>", "<a><!ENTITY b></a>",
	    "<a / >", "<a //>"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct buf out;
		struct err err;

		buf_init(&out, 4096);
		if (read_into(bad[i], strlen(bad[i]), &out, &err) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(err.kind, ERR_CORRUPT);
		buf_release(&out);
	}
}

static void
a_nul_is_no_end(void **state)
{
	static const char xml[] = "<a>x\0y</a>";
	struct buf out;
	struct err err;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(read_into(xml, sizeof(xml) - 1, &out, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	buf_release(&out);
}

static void
a_failing_reader_ends_it_with_its_own_error(void **state)
{
	struct buf out;
	struct err err;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(
	    read_into("<a><b>fail</b><c/></a>", 22, &out, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_null(strstr(out.data, "a/c"));
	buf_release(&out);
}

/* Up to the ceilings, and one beyond. */
static void
depth_has_a_ceiling(void **state)
{
	struct buf xml, out;
	struct err err;

	(void)state;
	for (int depth = AZURE_XML_DEPTH_MAX; depth <= AZURE_XML_DEPTH_MAX + 1;
	     depth++) {
		buf_init(&xml, 4096);
		buf_init(&out, 4096);
		for (int i = 0; i < depth; i++)
			buf_adds(&xml, "<a>");
		for (int i = 0; i < depth; i++)
			buf_adds(&xml, "</a>");
		assert_int_equal(read_into(xml.data, xml.len, &out, &err),
		    depth > AZURE_XML_DEPTH_MAX ? -1 : 0);
		buf_release(&xml);
		buf_release(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(elements_are_told_with_their_places_and_text),
	    cmocka_unit_test(text_comes_out_as_it_was_meant),
	    cmocka_unit_test(what_is_no_plain_xml_is_refused),
	    cmocka_unit_test(a_nul_is_no_end),
	    cmocka_unit_test(a_failing_reader_ends_it_with_its_own_error),
	    cmocka_unit_test(depth_has_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
