#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/redact.h"

static void
assert_shown(const char *text, const char *want)
{
	struct buf b;

	buf_init(&b, 4096);
	redact(&b, text);
	assert_string_equal(b.data, want);
	buf_release(&b);
}

static void
harmless_text_stays(void **state)
{
	static const char *const texts[] = {"", "100% done", "a%zz%4",
	    "https://h.net/c/a@2?sv=2020&comp=block#x", "http://h:8080/x",
	    "https://[::1]:80/x", "redis://h1:6379,h2:6380/0",
	    "code: BlobNotFound, key: too long", "the password is wrong",
	    "signal=9 design=x keys=5 codes=1 monkey=2", "Authorization failed",
	    "x://", "a=b&c=d", "%3D%26", "block 17: '/var/x': no space",
	    "https://h/c?marker=2!a"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_shown(texts[i], texts[i]);
}

static void
values_of_secret_parameters_go(void **state)
{
	(void)state;
	assert_shown(
	    "?se=1&sig=a%2Fb%3D&sp=r x", "?se=1&sig=[redacted]&sp=r x");
	assert_shown("?SIG=a", "?SIG=[redacted]");
	assert_shown("code=abc== done", "code=[redacted] done");
	assert_shown("a?key=k1&b", "a?key=[redacted]&b");
	assert_shown("access_token=t.t.t", "access_token=[redacted]");
	assert_shown(
	    "client_secret=x~y&grant", "client_secret=[redacted]&grant");
	assert_shown(
	    "h:6380,password=a,b=,ssl=True", "h:6380,password=[redacted]");
	assert_shown("AccountName=n;AccountKey=k==;Endpoint=e",
	    "AccountName=n;AccountKey=[redacted]");
	assert_shown("sig=", "sig=[redacted]");
	assert_shown("s%69g=abc", "s%69g=[redacted]");
	assert_shown("REDIS_PASSWORD=x masterauth=y z",
	    "REDIS_PASSWORD=[redacted] masterauth=[redacted] z");
}

static void
a_file_may_be_called_like_a_secret(void **state)
{
	static const char *const texts[] = {"reading '/etc/passwd': not a dump",
	    "'./a.token': no such file", "job's 'x/client-secret': is open",
	    "'file:///a/b.password': read only"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_shown(texts[i], texts[i]);
	assert_shown("'password': x", "'password': [redacted]");
	assert_shown("'/a b' 'password': x", "'/a b' 'password': [redacted]");
	assert_shown("'/a': password: x", "'/a': password: [redacted]");
	assert_shown("'/a/password' : x", "'/a/password' : [redacted]");
	assert_shown("{\"a/token\": \"x\"}", "{\"a/token\": \"[redacted]\"}");
	assert_shown("'/a?sig=x': y", "'/a?sig=[redacted]': y");
}

static void
quoted_values_go_whole(void **state)
{
	(void)state;
	assert_shown("password=\"a b\" c", "password=\"[redacted]\" c");
	assert_shown("password='a b' c", "password='[redacted]' c");
	assert_shown("{\"password\": \"a\\\"b&c\", \"x\": 1}",
	    "{\"password\": \"[redacted]\", \"x\": 1}");
	assert_shown("\"{\\\"access_token\\\": \\\"a b\\\", \\\"x\\\": 1}\"",
	    "\"{\\\"access_token\\\": \\\"[redacted]\\\", \\\"x\\\": 1}\"");
	assert_shown("password=\"open end", "password=\"[redacted]");
	assert_shown("password: two words\nnext", "password: [redacted]\nnext");
}

/* As in x-ms-copy-source, or a URL in another one's query. */
static void
encoded_ones_go_too(void **state)
{
	(void)state;
	assert_shown(
	    "src=https%3A%2F%2Fh%2Fc%3Fsv%3D1%26sig%3Dab%252Bc%26se%3D2"
	    "&x=1",
	    "src=https%3A%2F%2Fh%2Fc%3Fsv%3D1%26sig%3D[redacted]%26se%3D2&x=1");
	assert_shown("a%253Fsig%253Dabc%2526se%253D1",
	    "a%253Fsig%253D[redacted]%2526se%253D1");
	assert_shown("redis%3A%2F%2Fu%3Ap%40host", "redis%3A%2F%2Fhost");
	assert_shown(
	    "u=redis%3A%2F%2F%3Ap%2540q%40host&x", "u=redis%3A%2F%2Fhost&x");

	/* An escaped '&' inside a plain value is part of it. */
	assert_shown("sig=a%26b&c", "sig=[redacted]&c");
}

#define HEAD "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9"

/* A service repeats what it does not like, and gives it no name. */
static void
bare_tokens_go(void **state)
{
	static const char *const others[] = {"eyJ.example.com",
	    "eyJack.example.com", HEAD, HEAD " is a head", HEAD "...",
	    "a" HEAD ".x"};

	(void)state;
	assert_shown("The access token '" HEAD
		     ".eyJhdWQiOiJ4In0.c2ln-_' is bad.",
	    "The access token '[redacted]' is bad.");
	assert_shown(HEAD ".eyJh.", "[redacted].");
	assert_shown(HEAD ".eyJh...", "[redacted]...");
	assert_shown(HEAD "..iv.text.tag,b", "[redacted],b");
	assert_shown("a%20" HEAD "%2EeyJh%26x", "a%20[redacted]%26x");
	assert_shown("a%2520%2565"
		     "yJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9%252EeyJh",
	    "a%2520[redacted]");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_shown(others[i], others[i]);
}

static void
one_that_is_known_is_found(void **state)
{
	static const char secret[] = "a/b~c%41def+ghi";

	(void)state;
	assert_true(redact_shows("x a/b~c%41def+ghi y", secret));
	assert_true(redact_shows("x a%2Fb%7ec%2541def%2Bghi", secret));
	assert_true(redact_shows("a%252Fb~c%252541def", secret));
	/* Cut off behind it, and before it all was there. */
	assert_true(redact_shows("seen a/b~c%41de", secret));
	assert_false(redact_shows("seen a/b~c%41d", secret));
	assert_true(redact_shows("it is pw", "pw"));
	assert_false(redact_shows("it is p", "pw"));
	assert_false(redact_shows("", secret));
}

static void
user_information_goes(void **state)
{
	(void)state;
	assert_shown("redis://u:p@h:1/0 x", "redis://h:1/0 x");
	assert_shown("to 'redis://:p%40q@h'", "to 'redis://h'");
	assert_shown("https://tok@h/x", "https://h/x");
	assert_shown("redis://:a@h1,redis://:b@h2", "redis://h2");
}

/* What should have been escaped is still a password. */
static void
careless_passwords_go(void **state)
{
	static const char *const urls[] = {"redis://:hun/ter@h/0",
	    "redis://u:hun#ter@h/0", "redis://u:1/hun?ter@h/0",
	    "redis://u:h@hun/ter@h/0", "redis://:hun ter@h/0",
	    "https://u:hun/ter@h/0", "https://u:hun ter@h/0",
	    "https://u:h@hun/ter@h/0", "redis://:hunter", "http://u:hunter/x",
	    "redis://u:hun\"ter@h/0", "redis://:hun\"ter@h/0"};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct buf b;

		buf_init(&b, 4096);
		redact(&b, urls[i]);
		if (strstr(b.data, "hun") || strstr(b.data, "ter"))
			fail_msg("'%s' shows '%s'", urls[i], b.data);
		buf_release(&b);
	}
}

static void
secret_headers_go_to_the_lines_end(void **state)
{
	(void)state;
	assert_shown("GET /\r\nAuthorization: Bearer a.b c\r\nHost: h\r\n",
	    "GET /\r\nAuthorization: [redacted]\r\nHost: h\r\n");
	assert_shown("x-ms-copy-SOURCE:https://h/c?sv=1&sig=x\nEtag: 1",
	    "x-ms-copy-SOURCE:[redacted]\nEtag: 1");
	assert_shown("sent authorization: SharedKey a:b=",
	    "sent authorization: [redacted]");
	assert_shown("{\"Authorization\": \"Bearer x\", \"b\": 1}",
	    "{\"Authorization\": \"[redacted]\", \"b\": 1}");
	assert_shown(
	    "authorization=Bearer x y\nz", "authorization=[redacted]\nz");
}

static void
header_names_compare_without_case(void **state)
{
	(void)state;
	assert_true(redact_header("AUTHORIZATION"));
	assert_true(redact_header("Proxy-Authorization"));
	assert_true(redact_header("cookie"));
	assert_true(redact_header("x-ms-copy-source"));
	assert_true(redact_header("X-MS-Copy-Source-Authorization"));
	assert_true(redact_header("x-ms-encryption-key"));
	assert_true(redact_header("X-IDENTITY-HEADER"));
	assert_false(redact_header("x-ms-copy-source-if-match"));
	assert_false(redact_header("x-ms-version"));
	assert_false(redact_header(""));
}

static void
the_end_of_a_long_name_counts(void **state)
{
	char text[400], want[400];

	(void)state;
	memset(text, 'a', 300);
	strcpy(text + 300, "_password=c d");
	memcpy(want, text, 300);
	strcpy(want + 300, "_password=[redacted] d");
	assert_shown(text, want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(harmless_text_stays),
	    cmocka_unit_test(values_of_secret_parameters_go),
	    cmocka_unit_test(a_file_may_be_called_like_a_secret),
	    cmocka_unit_test(quoted_values_go_whole),
	    cmocka_unit_test(encoded_ones_go_too),
	    cmocka_unit_test(bare_tokens_go),
	    cmocka_unit_test(one_that_is_known_is_found),
	    cmocka_unit_test(user_information_goes),
	    cmocka_unit_test(careless_passwords_go),
	    cmocka_unit_test(secret_headers_go_to_the_lines_end),
	    cmocka_unit_test(header_names_compare_without_case),
	    cmocka_unit_test(the_end_of_a_long_name_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
