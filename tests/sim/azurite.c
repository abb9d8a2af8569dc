#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/process.h"
#include "base/scope.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "storage/azure_container.h"
#include "storage/azure_request.h"
#include "storage/store_open.h"
#include "tests/sim/test_ca.h"

#include "tests/sim/azurite.h"

#define START_MS 60000
#define STOP_MS	 10000
#define PATHS	 512
#define HOUR_S	 3600

/* Of its command line, without https and with it. */
#define PLAIN_ARGS 13
#define ARGS	   (PLAIN_ARGS + 6 + 1)

#define NODE	   "node_modules/.bin/node"
#define AZURITE_JS "node_modules/azurite/dist/src/blob/main.js"

struct azurite {
	char dir[64];
	int port;
	bool https;
	pid_t pid;
	int log; /* its stdout */
	struct secret source_key, dr_key;
};

static const char *
tests_dir(void)
{
	const char *dir = getenv("DRSYNC_TESTS");

	return dir != NULL ? dir : "tests";
}

static void
installed_path(char out[PATHS], const char *tail)
{
	snprintf(out, PATHS, "%s/%s", tests_dir(), tail);
}

bool
azurite_installed(void)
{
	char node[PATHS], js[PATHS];

	installed_path(node, NODE);
	installed_path(js, AZURITE_JS);
	return access(node, X_OK) == 0 && access(js, R_OK) == 0;
}

void
azurite_require(void)
{
	if (azurite_installed())
		return;
	print_message("skipped: Azurite is not installed "
		      "(npm ci --prefix tests)\n");
	skip();
}

/* Drawn anew, so that nothing works by a well-known key. */
static void
draw_key(struct secret *key)
{
	struct scope scope = scope_root(NULL);
	unsigned char raw[64];
	struct buf text;

	scope_random(&scope, raw, sizeof(raw));
	buf_init(&text, 128);
	base64_encode(&text, raw, sizeof(raw));
	secret_set(key, text.data, text.len);
	buf_release(&text);
}

/* "Azurite Blob service successfully listens on http://127.0.0.1:34623" */
static int
read_port(int log)
{
	static const char mark[] = "successfully listens on ";
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, START_MS);
	struct err err = {0};
	char text[8192];
	size_t len = 0;

	while (len < sizeof(text) - 1) {
		const char *at, *colon;
		ssize_t n;

		if (scope_wait_fd(&scope, log, POLLIN, &err) != 0)
			fail_msg("Azurite says nothing: %s", err.text);
		n = read(log, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			fail_msg("Azurite ended: %.*s", (int)len, text);
		len += (size_t)n;
		text[len] = '\0';
		at = strstr(text, mark);
		if (at == NULL || strchr(at, '\n') == NULL)
			continue;
		colon = strrchr(at, ':');
		return atoi(colon + 1);
	}
	fail_msg("Azurite talks too much: %s", text);
	return -1;
}

static void
format_env(struct azurite *a, struct test_ca *tls, char *env[4])
{
	struct buf line;

	buf_init(&line, 4096);
	buf_addf(&line, "AZURITE_ACCOUNTS=%s:%s;%s:%s", AZURITE_SOURCE,
	    a->source_key.data, AZURITE_DR, a->dr_key.data);
	env[0] = buf_take(&line);
	buf_addf(&line, "PATH=%s", getenv("PATH"));
	env[1] = buf_take(&line);
	env[2] = NULL;
	env[3] = NULL;
	if (tls == NULL)
		return;
	/* It fetches copies' sources from itself, and would not trust it. */
	buf_addf(&line, "NODE_EXTRA_CA_CERTS=%s", test_ca_file(tls));
	env[2] = buf_take(&line);
}

/* It ends with us, however we end. */
static void
launch(struct azurite *a, struct test_ca *tls, const char *const env[])
{
	char node[PATHS], js[PATHS], complaints[PATHS];
	struct test_cert cert = {0};
	struct process_opts how = {.env = env};
	struct err err = {0};
	int pipefd[2];
	const char *argv[ARGS] = {"setpriv", "--pdeathsig", "TERM", node, js,
	    "--location", a->dir, "--blobHost", "127.0.0.1", "--blobPort", "0",
	    "--disableTelemetry", "--silent"};

	installed_path(node, NODE);
	installed_path(js, AZURITE_JS);
	if (tls != NULL) {
		cert = test_ca_issue(tls, "localhost,127.0.0.1");
		memcpy(argv + PLAIN_ARGS,
		    (const char *[]){"--oauth", "basic", "--cert",
			cert.cert_file, "--key", cert.key_file},
		    6 * sizeof(*argv));
	}
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	how.stdout_fd = pipefd[1];
	/* Not ours: who reads what we say must not wait for Azurite's end. */
	snprintf(complaints, sizeof(complaints), "%s/stderr", a->dir);
	how.stderr_fd = open(
	    complaints, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_int_not_equal(how.stderr_fd, -1);
	if (process_start(&a->pid, argv, &how, &err) != 0)
		fail_msg("Azurite: %s", err.text);
	close(how.stderr_fd);
	close(pipefd[1]);
	a->log = pipefd[0];
}

struct azurite *
azurite_start(struct test_ca *tls)
{
	struct azurite *a = xcalloc(1, sizeof(*a));
	char *env[4];

	a->https = tls != NULL;
	draw_key(&a->source_key);
	draw_key(&a->dr_key);
	strcpy(a->dir, "/tmp/drsync-azurite-XXXXXX");
	assert_non_null(mkdtemp(a->dir));
	format_env(a, tls, env);
	launch(a, tls, (const char *const *)env);
	for (int i = 0; i < 3; i++)
		free(env[i]);
	a->port = read_port(a->log);
	return a;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void
azurite_stop(struct azurite *a)
{
	struct scope scope = scope_root(NULL);

	if (a == NULL)
		return;
	process_stop(a->pid, &scope, STOP_MS);
	close(a->log);
	nftw(a->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	secret_release(&a->source_key);
	secret_release(&a->dr_key);
	free(a);
}

const struct secret *
azurite_key(const struct azurite *a, const char *account)
{
	return strcmp(account, AZURITE_DR) == 0 ? &a->dr_key : &a->source_key;
}

char *
azurite_url(const struct azurite *a, const char *account, const char *tail)
{
	struct buf url;

	buf_init(&url, URL_MAX);
	buf_addf(&url, "%s://127.0.0.1:%d/%s/%s", a->https ? "https" : "http",
	    a->port, account, tail);
	return buf_take(&url);
}

/*
 * By a hand of its own, not the one under test: the layout is that of
 * sv 2020-12-06 and later, sr=c.
 */
void
azurite_container_sas(const struct azurite *a, const char *account,
    const char *container, const char *permissions, struct secret *sas)
{
	const struct secret *key = azurite_key(a, account);
	time_t until = time(NULL) + HOUR_S;
	unsigned char mac[SHA256_BYTES];
	struct buf raw_key, what, sum, out;
	struct err err = {0};
	char expires[32];
	struct tm tm;

	gmtime_r(&until, &tm);
	strftime(expires, sizeof(expires), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_init(&raw_key, 256);
	buf_init(&what, 1024);
	buf_init(&sum, 64);
	buf_init(&out, 1024);
	assert_int_equal(base64_decode(&raw_key, key->data, &err), 0);
	buf_addf(&what,
	    "%s\n\n%s\n/blob/%s/%s\n\n\n\n2025-11-05\nc\n\n\n\n\n\n\n",
	    permissions, expires, account, container);
	hmac_sha256(raw_key.data, raw_key.len, what.data, what.len, mac);
	base64_encode(&sum, mac, sizeof(mac));
	buf_addf(&out, "sv=2025-11-05&sr=c&sp=%s&se=", permissions);
	url_encode(&out, expires, false);
	buf_adds(&out, "&sig=");
	url_encode(&out, sum.data, false);
	secret_set(sas, out.data, out.len);
	buf_release(&raw_key);
	buf_release(&what);
	buf_release(&sum);
	buf_release(&out);
}

/* base64 as URLs and tokens have it: no padding, '-' and '_'. */
static void
add_part(struct buf *out, const char *text)
{
	struct buf part;

	buf_init(&part, 4096);
	base64_encode(&part, text, strlen(text));
	for (size_t i = 0; i < part.len && part.data[i] != '='; i++) {
		char c = part.data[i];

		buf_addc(out, c == '+' ? '-' : c == '/' ? '_' : c);
	}
	buf_release(&part);
}

void
azurite_token(struct secret *token)
{
	double now = (double)time(NULL);
	cJSON *head = cJSON_CreateObject(), *claims = cJSON_CreateObject();
	char *head_text, *claims_text;
	struct buf out;

	cJSON_AddStringToObject(head, "alg", "none");
	cJSON_AddStringToObject(head, "typ", "JWT");
	cJSON_AddStringToObject(claims, "aud", "https://storage.azure.com");
	cJSON_AddStringToObject(claims, "iss",
	    "https://sts.windows.net/00000000-0000-0000-0000-000000000000/");
	cJSON_AddStringToObject(
	    claims, "oid", "00000000-0000-0000-0000-000000000001");
	cJSON_AddStringToObject(
	    claims, "tid", "00000000-0000-0000-0000-000000000000");
	cJSON_AddNumberToObject(claims, "nbf", now - 60);
	cJSON_AddNumberToObject(claims, "iat", now - 60);
	cJSON_AddNumberToObject(claims, "exp", now + HOUR_S);
	head_text = cJSON_PrintUnformatted(head);
	claims_text = cJSON_PrintUnformatted(claims);
	buf_init(&out, 8192);
	add_part(&out, head_text);
	buf_addc(&out, '.');
	add_part(&out, claims_text);
	buf_addc(&out, '.');
	add_part(&out, "nobody signed this");
	secret_set(token, out.data, out.len);
	buf_release(&out);
	free(head_text);
	free(claims_text);
	cJSON_Delete(head);
	cJSON_Delete(claims);
}

int
azurite_create_container(const struct azurite *a, struct http *http,
    const struct scope *scope, const char *account, const char *container,
    struct err *err)
{
	const struct store_opts opts = {
	    .http = http,
	    .key = azurite_key(a, account),
	};
	struct azure_container c = {0};
	struct azure_request r = {0};
	char *text = azurite_url(a, account, container);
	struct url u;
	int rc = url_parse(&u, text, err);

	if (rc == 0)
		rc = azure_container_init(&c, &u, &opts, err);
	if (rc == 0)
		rc = azure_request_init(
		    &r, &c, "PUT", "creating", NULL, "restype=container", err);
	if (rc == 0)
		rc = azure_request_run(&r, scope, err);
	azure_request_release(&r);
	azure_container_release(&c);
	url_release(&u);
	free(text);
	return rc;
}
