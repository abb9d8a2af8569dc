#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/credential.h"
#include "base/err.h"
#include "base/http.h"
#include "base/scope.h"
#include "base/secret.h"
#include "storage/azure_container.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/store_open.h"

static struct secret
text(const char *s)
{
	return (struct secret){.data = (char *)s, .len = strlen(s)};
}

static struct http *
client(void)
{
	struct err err = {0};
	struct http *h = http_new(&(struct http_opts){0}, &err);

	assert_non_null(h);
	return h;
}

static void
urls_say_account_container_and_prefix(void **state)
{
	static const struct {
		const char *url, *account, *container, *prefix, *shown;
		bool path_style;
	} cases[] = {
	    {"https://acct.blob.core.windows.net/cont", "acct", "cont", "",
		"https://acct.blob.core.windows.net/cont", false},
	    {"https://acct.blob.core.windows.net/cont/", "acct", "cont", "",
		"https://acct.blob.core.windows.net/cont", false},
	    {"https://Acct.Blob.core.windows.net/cont/a%20b/c//", "acct",
		"cont", "a b/c/",
		"https://Acct.Blob.core.windows.net/cont/a%20b/c", false},
	    {"https://acct-secondary.blob.core.windows.net/$web", "acct",
		"$web", "", "https://acct-secondary.blob.core.windows.net/$web",
		false},
	    {"http://127.0.0.1:10000/acct/cont/x%2By", "acct", "cont", "x+y/",
		"http://127.0.0.1:10000/acct/cont/x%2By", false},
	    {"https://localhost:10000/acct/cont", "acct", "cont", "",
		"https://localhost:10000/acct/cont", false},
	    {"http://[::1]:10000/acct/cont", "acct", "cont", "",
		"http://[::1]:10000/acct/cont", false},
	    {"http://azurite:10000/acct/cont", "acct", "cont", "",
		"http://azurite:10000/acct/cont", true},
	};
	struct secret key = text("AAAA");
	struct store_opts opts = {.http = client(), .key = &key};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct azure_container *c;
		struct err err = {0};
		struct store *s;

		opts.path_style = cases[i].path_style;
		s = store_open(cases[i].url, &opts, &err);
		if (s == NULL)
			fail_msg("%s: %s", cases[i].url, err.text);
		assert_string_equal(s->ops->scheme, "azure");
		assert_string_equal(s->url, cases[i].shown);
		c = store_azure_container(s);
		assert_string_equal(c->account, cases[i].account);
		assert_string_equal(c->name, cases[i].container);
		assert_string_equal(c->prefix, cases[i].prefix);
		store_free(s);
	}
	http_free(opts.http);
}

static void
what_is_no_store_is_refused_without_its_secrets(void **state)
{
	static const struct {
		const char *url, *says;
	} cases[] = {
	    {"", "not a URL"},
	    {"ftp://host/x", "no store has the scheme 'ftp'"},
	    {"https://acct.blob.core.windows.net", "names no container"},
	    {"https://acct.blob.core.windows.net/", "names no container"},
	    {"https://acct.blob.core.windows.net/Upper", "names no container"},
	    {"https://acct.blob.core.windows.net//x", "names no container"},
	    {"http://127.0.0.1:10000/acct", "HOST:PORT/ACCOUNT/CONTAINER"},
	    {"https://a.blob.core.windows.net/c?sv=1&sig=hush", "by reference"},
	    {"https://a.blob.core.windows.net/c?", "by reference"},
	    {"https://u:hush@a.blob.core.windows.net/c", "by reference"},
	    {"https://a.blob.core.windows.net/c/%zz", "hexadecimal"},
	};
	struct store_opts opts = {.http = client()};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = {0};

		assert_null(store_open(cases[i].url, &opts, &err));
		assert_int_equal(err.kind, ERR_USAGE);
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].url, err.text);
		assert_null(strstr(err.text, "hush"));
	}
	http_free(opts.http);
}

static void
secrets_that_cannot_be_used_are_refused(void **state)
{
	struct secret bad_key = text("hush!hush"), no_sig = text("sv=1&hush=2");
	struct secret sas = text("sv=1&sig=hush"), token = text("hush");
	struct credential *credential = credential_fixed_new(&token);
	const struct {
		const char *url;
		struct store_opts opts;
		const char *says;
	} cases[] = {
	    {"https://a.blob.core.windows.net/c", {.key = &bad_key},
		"not base64"},
	    {"https://a.blob.core.windows.net/c", {.sas = &no_sig},
		"no signature"},
	    {"http://a.blob.core.windows.net/c", {.sas = &sas}, "in the clear"},
	    {"http://a.blob.core.windows.net/c", {.credential = credential},
		"in the clear"},
	};
	struct http *http = client();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct store_opts opts = cases[i].opts;
		struct err err = {0};

		opts.http = http;
		assert_null(store_open(cases[i].url, &opts, &err));
		assert_int_equal(err.kind, ERR_USAGE);
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s", err.text);
		assert_null(strstr(err.text, "hush"));
	}
	http_free(http);
	credential->ops->free(credential);
}

static void
directories_are_stores_too(void **state)
{
	const struct store_opts opts = {0};
	struct err err = {0};
	struct store *s = store_open("file:///var/backups/a%20b", &opts, &err);

	(void)state;
	if (s == NULL)
		fail_msg("%s", err.text);
	assert_string_equal(s->ops->scheme, "file");
	store_free(s);
	assert_null(store_open("file://elsewhere/x", &opts, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	assert_null(
	    store_open("https://a.blob.core.windows.net/c", &opts, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	assert_non_null(strstr(err.text, "no HTTP client"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(urls_say_account_container_and_prefix),
	    cmocka_unit_test(what_is_no_store_is_refused_without_its_secrets),
	    cmocka_unit_test(secrets_that_cannot_be_used_are_refused),
	    cmocka_unit_test(directories_are_stores_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
