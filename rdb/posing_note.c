#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_target.h"

#include "rdb/posing_note.h"

#define NOTE_MAX ((size_t)16 << 10)

void
posing_note_key(struct buf *b, const struct redis_address *a)
{
	if (a->port == 0)
		buf_addf(b, "posing/%s", a->host);
	else
		buf_addf(b, "posing/%s:%d", a->host, a->port);
}

void
posing_note_release(struct posing_note *n)
{
	free(n->master_host);
	free(n->auth_pad);
	for (size_t i = 0; i < n->nchanges; i++) {
		free(n->changes[i].name);
		free(n->changes[i].was);
		free(n->changes[i].now);
	}
	*n = (struct posing_note){0};
}

void
posing_note_change(
    struct posing_note *n, const char *name, const char *was, const char *now)
{
	assert(n->nchanges < POSING_CHANGES_MAX);
	n->changes[n->nchanges++] = (struct posing_change){
	    .name = xstrdup(name),
	    .was = xstrdup(was),
	    .now = xstrdup(now),
	};
}

char *
posing_note_format(const struct posing_note *n)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *list;
	char *text;

	json_add_int(root, "format", 1);
	cJSON_AddStringToObject(root, "master_host", n->master_host);
	json_add_int(root, "master_port", n->master_port);
	if (n->auth_sha256[0] != '\0') {
		cJSON_AddStringToObject(root, "auth_sha256", n->auth_sha256);
		cJSON_AddStringToObject(root, "auth_pad", n->auth_pad);
	}
	list = cJSON_AddArrayToObject(root, "config");
	for (size_t i = 0; i < n->nchanges; i++) {
		cJSON *c = cJSON_CreateObject();

		cJSON_AddStringToObject(c, "name", n->changes[i].name);
		cJSON_AddStringToObject(c, "was", n->changes[i].was);
		cJSON_AddStringToObject(c, "now", n->changes[i].now);
		cJSON_AddItemToArray(list, c);
	}
	text = json_format_line(root);
	cJSON_Delete(root);
	return text;
}

static int
parse_changes(struct posing_note *n, const cJSON *root, struct err *err)
{
	const cJSON *list, *c;

	if (json_get_array(root, "config", &list, err) != 0)
		return -1;
	cJSON_ArrayForEach(c, list)
	{
		const char *name, *was, *now;

		if (n->nchanges == POSING_CHANGES_MAX)
			return err_set(err, ERR_CORRUPT, "too many changes");
		if (json_get_str(c, "name", &name, err) != 0 ||
		    json_get_str(c, "was", &was, err) != 0 ||
		    json_get_str(c, "now", &now, err) != 0)
			return -1;
		posing_note_change(n, name, was, now);
	}
	return 0;
}

static int
parse_fields(struct posing_note *n, const cJSON *root, struct err *err)
{
	const char *host, *sha = "", *pad = "";
	int64_t format, port;

	if (json_get_int(root, "format", &format, err) != 0)
		return -1;
	if (format != 1)
		return err_set(err, ERR_UNSUPPORTED,
		    "format %lld is not known: a newer version wrote it",
		    (long long)format);
	if (json_get_str(root, "master_host", &host, err) != 0 ||
	    json_get_int(root, "master_port", &port, err) != 0 ||
	    json_opt_str(root, "auth_sha256", &sha, err) != 0 ||
	    json_opt_str(root, "auth_pad", &pad, err) != 0)
		return -1;
	if ((sha[0] != '\0' && strlen(sha) != 64) || strlen(pad) % 2 != 0 ||
	    strlen(pad) > 2 * POSING_OLD_AUTH_MAX)
		return err_set(err, ERR_CORRUPT, "a sum or pad is not whole");
	n->master_host = xstrdup(host);
	n->master_port = (int)port;
	strcpy(n->auth_sha256, sha);
	n->auth_pad = xstrdup(pad);
	return parse_changes(n, root, err);
}

int
posing_note_parse(struct posing_note *n, const char *text, struct err *err)
{
	cJSON *root = json_parse(text, strlen(text), NOTE_MAX, false, err);
	int rc;

	*n = (struct posing_note){0};
	if (root == NULL)
		return err_in(err, "journalled note");
	rc = parse_fields(n, root, err);
	cJSON_Delete(root);
	if (rc == 0)
		return 0;
	posing_note_release(n);
	return err_in(err, "journalled note");
}

static void
sum(const struct secret *s, char hex[64 + 1])
{
	unsigned char out[SHA256_BYTES];

	sha256(s->data, s->len, out);
	hex_encode(out, sizeof(out), hex);
}

int
posing_note_seal(struct posing_note *n, const struct scope *scope,
    const struct secret *was, struct secret *now, struct err *err)
{
	unsigned char pad[POSING_OLD_AUTH_MAX], mixed[POSING_OLD_AUTH_MAX];
	unsigned char key[POSING_AUTH_HEX / 2];
	char text[POSING_AUTH_HEX + 2 * POSING_OLD_AUTH_MAX + 1];

	if (was->len > POSING_OLD_AUTH_MAX)
		return err_set(err, ERR_UNSUPPORTED,
		    "the target's masterauth is over %d bytes, too long to "
		    "be set aside",
		    POSING_OLD_AUTH_MAX);
	scope_random(scope, key, sizeof(key));
	scope_random(scope, pad, was->len);
	for (size_t i = 0; i < was->len; i++)
		mixed[i] = (unsigned char)was->data[i] ^ pad[i];
	hex_encode(key, sizeof(key), text);
	hex_encode(mixed, was->len, text + POSING_AUTH_HEX);
	secret_set(now, text, strlen(text));
	sum(now, n->auth_sha256);
	free(n->auth_pad);
	n->auth_pad = xcalloc(2 * was->len + 1, 1);
	hex_encode(pad, was->len, n->auth_pad);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	return 0;
}

bool
posing_note_unseal(
    const struct posing_note *n, const struct secret *now, struct secret *was)
{
	unsigned char pad[POSING_OLD_AUTH_MAX], plain[POSING_OLD_AUTH_MAX];
	struct err ignored = {0};
	char hex[64 + 1];
	size_t len;

	if (n->auth_sha256[0] == '\0' || now->data == NULL)
		return false;
	sum(now, hex);
	len = strlen(n->auth_pad) / 2;
	if (strcmp(hex, n->auth_sha256) != 0 ||
	    now->len != POSING_AUTH_HEX + 2 * len ||
	    hex_decode(n->auth_pad, pad, len, &ignored) != 0 ||
	    hex_decode(now->data + POSING_AUTH_HEX, plain, len, &ignored) != 0)
		return false;
	for (size_t i = 0; i < len; i++)
		plain[i] ^= pad[i];
	secret_set(was, plain, len);
	explicit_bzero(plain, sizeof(plain));
	return true;
}
