#include <stdbool.h>
#include <string.h>

#include "base/credential.h"
#include "base/err.h"
#include "rdb/redis_conn.h"

#include "rdb/redis_login.h"

int
redis_login_token(struct credential *credential, const struct scope *scope,
    struct token *out, struct err *err)
{
	return credential->ops->get(
	    credential, scope, REDIS_RESOURCE, out, err);
}

static int
auth_once(struct redis_conn *c, const char *user, const struct secret *pass,
    const struct scope *scope, struct err *err)
{
	const char *argv[3] = {"AUTH"};
	size_t lens[3] = {4};
	redisReply *reply;
	int argc = 1;

	if (user != NULL) {
		argv[argc] = user;
		lens[argc++] = strlen(user);
	}
	argv[argc] = pass->len > 0 ? pass->data : "";
	lens[argc++] = pass->len;
	err->code[0] = '\0';
	reply = redis_command_argv(c, scope, argc, argv, lens, err);
	if (reply != NULL) {
		freeReplyObject(reply);
		return 0;
	}
	/* Without a code there was no answer; LOADING is one, too. */
	if (err->code[0] == '\0' || err->kind == ERR_TRANSIENT)
		return -1;
	err->kind = ERR_AUTH;
	/* A proxy may repeat what it was sent. */
	if (pass->len > 0 && strstr(err->text, pass->data) != NULL)
		return err_set(err, ERR_AUTH,
		    "'%s': the server refused the password",
		    redis_conn_name(c));
	return -1;
}

static bool
same_secret(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* A token may be revoked before its time: then a fresh one is asked for. */
static int
try_fresh(struct redis_conn *c, const char *user, struct credential *credential,
    const struct token *refused, const struct scope *scope, struct err *err)
{
	struct token fresh = {0};
	struct err again = {0};
	int rc = -1;

	if (credential->ops->forget != NULL)
		credential->ops->forget(credential, REDIS_RESOURCE);
	if (redis_login_token(credential, scope, &fresh, &again) == 0 &&
	    !same_secret(&fresh.value, &refused->value))
		rc = auth_once(c, user, &fresh.value, scope, err);
	secret_release(&fresh.value);
	return rc;
}

int
redis_login(struct redis_conn *c, const char *user,
    struct credential *credential, const struct token *token,
    const struct scope *scope, struct err *err)
{
	int rc = auth_once(c, user, &token->value, scope, err);

	if (rc == 0 || err->kind != ERR_AUTH || err->code[0] == '\0')
		return rc;
	if (credential == NULL)
		return err_in(err, "user '%.64s', without a password", user);
	rc = try_fresh(c, user, credential, token, scope, err);
	/* Whose token it is nobody sees at the command that failed. */
	if (rc != 0 && token->expires_ms != INT64_MAX)
		err_in(err, "by Entra as user '%.64s'",
		    user != NULL ? user : "default");
	return rc;
}
