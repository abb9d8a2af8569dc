#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

#include "rdb/redis_error.h"

#define SHOWN_MAX 200

static enum err_kind
kind_of_word(const char *code)
{
	static const struct {
		const char *code;
		enum err_kind kind;
	} words[] = {
	    {"NOAUTH", ERR_AUTH},
	    {"NOPERM", ERR_AUTH},
	    {"WRONGPASS", ERR_AUTH},
	    {"DENIED", ERR_AUTH},
	    {"LOADING", ERR_TRANSIENT},
	    {"BUSY", ERR_TRANSIENT},
	    {"MASTERDOWN", ERR_TRANSIENT},
	    {"NOMASTERLINK", ERR_TRANSIENT},
	    {"TRYAGAIN", ERR_TRANSIENT},
	    {"CLUSTERDOWN", ERR_TRANSIENT},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].code, code) == 0)
			return words[i].kind;
	return ERR_SERVER;
}

/* Plain "ERR" is told apart by wording alone, the same since Redis 2. */
static enum err_kind
kind_of_wording(const char *reply)
{
	if (strcasestr(reply, "unknown command") != NULL ||
	    strcasestr(reply, "unknown subcommand") != NULL)
		return ERR_UNSUPPORTED;
	if (strcasestr(reply, "max number of clients") != NULL)
		return ERR_TRANSIENT;
	if (strcasestr(reply, "operation not permitted") != NULL ||
	    strcasestr(reply, "invalid password") != NULL)
		return ERR_AUTH; /* before Redis 6, or proxies */
	return ERR_SERVER;
}

int
redis_error_set(struct err *err, const char *reply)
{
	/* "unknown command 'x', with args beginning with: 'secret'" */
	const char *args = strcasestr(reply, ", with args");
	size_t len = args != NULL ? (size_t)(args - reply) : strlen(reply);
	size_t word = strcspn(reply, " ");
	char shown[SHOWN_MAX + 1];

	len = len < SHOWN_MAX ? len : SHOWN_MAX;
	for (size_t i = 0; i < len; i++)
		shown[i] = isprint((unsigned char)reply[i]) ? reply[i] : '?';
	shown[len] = '\0';
	word = word < len ? word : len;
	snprintf(err->code, sizeof(err->code), "%.*s", (int)word, shown);
	err->kind = kind_of_word(err->code);
	if (err->kind == ERR_SERVER)
		err->kind = kind_of_wording(shown);
	return err_set(err, err->kind, "%s", shown);
}

bool
redis_error_is_refusal(const struct err *err)
{
	return err->kind == ERR_AUTH || err->kind == ERR_SERVER ||
	    err->kind == ERR_UNSUPPORTED;
}
