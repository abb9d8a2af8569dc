/*
 * What a server tells of changes, on bytes: each event is a key, what is none
 * makes all of it worthless.  test_scan_client has real servers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_conn.h"
#include "rdb/scan_changes.h"
#include "rdb/scan_pipe.h"
#include "tests/sim/script_resp.h"

#define INFO \
	"role:master\r\nrun_id:r\r\nexecutable:/r\r\n" \
	"cmdstat_info:calls=1\r\n"
#define FLAGS(value) "*2\r\n$22\r\nnotify-keyspace-events\r\n" value
#define SUBSCRIBED   "*3\r\n$10\r\npsubscribe\r\n$1\r\np\r\n:1\r\n"
#define PONG	     "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
#define EVENT(channel, payload) \
	"*4\r\n$8\r\npmessage\r\n$1\r\np\r\n" channel payload
#define SET_A  EVENT("$18\r\n__keyevent@0__:set\r\n", "$1\r\na\r\n")
#define SET_B3 EVENT("$18\r\n__keyevent@3__:set\r\n", "$1\r\nb\r\n")
#define KEY_A7 EVENT("$16\r\n__keyspace@7__:a\r\n", "$3\r\nset\r\n")

struct source {
	const char *flags, *info, *subscribed;
	const char *info_after; /* INFO's second answer; NULL: as the first */
	enum scan_trust trust;
	const char *rest; /* what comes before the end of the connection */
};

static int
answer(struct script_conn *c, const struct source *s, unsigned *infos,
    const char *words)
{
	const char *info = s->info != NULL ? s->info : INFO;

	if (strcmp(words, "PING") == 0 && script_conn_number(c) == 0)
		return script_sends(c, "+PONG\r\n");
	if (strncmp(words, "CONFIG GET", 10) == 0)
		return script_sends(c, s->flags);
	if (strncmp(words, "INFO", 4) == 0)
		return script_send_bulk(c,
		    (*infos)++ > 0 && s->info_after != NULL ? s->info_after
							    : info);
	if (strncmp(words, "PSUBSCRIBE", 10) == 0) {
		script_record(c, words, strlen(words));
		return script_sends(
		    c, s->subscribed != NULL ? s->subscribed : SUBSCRIBED);
	}
	return script_sends(c, "+PONG\r\n");
}

static void
serve(struct script_conn *c, void *arg)
{
	const struct source *s = arg;
	bool subscribed = false;
	unsigned infos = 0;
	struct buf words;

	buf_init(&words, 4096);
	while (script_read_command(c, &words) == 0) {
		if (subscribed) {
			script_sends(c, s->rest);
			break;
		}
		if (answer(c, s, &infos, words.data) != 0)
			break;
		subscribed = strncmp(words.data, "PSUBSCRIBE", 10) == 0;
	}
	buf_release(&words);
	script_close(c);
}

static struct redis_conn *
connect_to(const struct script_server *server)
{
	static const struct redis_opts opts = {.reply_timeout_ms = 10000};
	struct scope scope = scope_root(NULL);
	struct redis_target t;
	struct redis_conn *c;
	struct err err = {0};
	char url[64];

	snprintf(url, sizeof(url), "redis://127.0.0.1:%d",
	    script_server_port(server));
	assert_int_equal(redis_target_parse(url, &t, &err), 0);
	c = redis_connect(&t.hosts[0], NULL, &opts, &scope, &err);
	if (c == NULL)
		fail_msg("%s", err.text);
	redis_target_release(&t);
	return c;
}

/* "0:a 3:b ", by database; "" and err when it is not to be had. */
static void
changes_of(
    struct source *s, const char *channels, char out[64], struct err *err)
{
	struct script_server *server = script_server_new(NULL, serve, s);
	struct redis_conn *ask = connect_to(server);
	struct scan_changes_opts opts = {.trust = s->trust};
	struct scope scope = scope_root(NULL);
	struct scan_changes *c = scan_changes_new(
	    ask, connect_to(server), &opts, &scope, err);
	struct scan_name names[8];

	out[0] = '\0';
	if (c != NULL && channels != NULL)
		assert_string_equal(
		    script_server_record(server, 0).data, channels);
	if (c != NULL && scan_changes_settle(c, ask, &scope, err) == 0)
		for (uint32_t db = 0; db <= scan_changes_db_max(c); db++) {
			size_t at = 0;
			size_t n = scan_changes_next(c, db, &at, names, 8);

			for (size_t i = 0; i < n; i++)
				sprintf(out + strlen(out), "%u:%.*s ",
				    (unsigned)db, (int)names[i].len,
				    names[i].data);
		}
	scan_changes_free(c);
	redis_conn_free(ask);
	script_server_free(server);
}

static void
each_event_is_a_key_once(void **state)
{
	struct source by_event = {.flags = FLAGS("$2\r\nAE\r\n"),
	    .rest = SET_A SET_B3 SET_A PONG SET_B3};
	struct source by_key = {
	    .flags = FLAGS("$2\r\nAK\r\n"), .rest = KEY_A7 KEY_A7 PONG};
	struct source quiet = {.flags = FLAGS("$3\r\nAKE\r\n"), .rest = PONG};
	struct err err = {0};
	char keys[64];

	(void)state;
	changes_of(&by_event, "PSUBSCRIBE __keyevent@*__:*", keys, &err);
	assert_string_equal(keys, "0:a 3:b ");
	changes_of(&by_key, "PSUBSCRIBE __keyspace@*__:*", keys, &err);
	assert_string_equal(keys, "7:a ");
	changes_of(&quiet, "PSUBSCRIBE __keyevent@*__:*", keys, &err);
	assert_string_equal(keys, "");
	assert_int_equal(err.kind, ERR_NONE);
}

static void
what_is_no_event_makes_all_worthless(void **state)
{
	static const struct {
		struct source source;
		enum err_kind kind;
		const char *text;
	} cases[] = {
	    {{.rest = SET_A}, ERR_TRANSIENT, "closed"},
	    {{.rest = "*1\r\n$1\r\nx\r\n" PONG}, ERR_CORRUPT, "no event"},
	    {{.rest = EVENT("$3\r\nnew\r\n", "$1\r\na\r\n") PONG}, ERR_CORRUPT,
		"no channel"},
	    {{.rest = EVENT("$19\r\n__keyevent@-1__:set\r\n", "$1\r\na\r\n")
		     PONG},
		ERR_CORRUPT, "no channel"},
	    {{.rest = EVENT("$17\r\n__keyevent@__:set\r\n", "$1\r\na\r\n")
		     PONG},
		ERR_CORRUPT, "no channel"},
	    {{.rest = EVENT(":1\r\n", "$1\r\na\r\n") PONG}, ERR_CORRUPT,
		"no event"},
	    {{.rest = "-NOPERM no\r\n"}, ERR_AUTH, "NOPERM"},
	    {{.subscribed = "-NOPERM this user has no permissions to access "
			    "one of the channels\r\n"},
		ERR_AUTH, "NOPERM"},
	    {{.flags = "-NOPERM no\r\n"}, ERR_AUTH, "CONFIG GET"},
	    {{.flags = "*0\r\n"}, ERR_UNSUPPORTED, "is '', and not 'AE'"},
	    {{.info = "role:slave\r\ncmdstat_info:calls=1\r\n"},
		ERR_UNSUPPORTED, "replica"},
	    {{.info = "role:master\r\nexecutable:/r\r\n"}, ERR_UNSUPPORTED,
		"FLUSHALL"},
	    {{.info = "role:master\r\ncmdstat_info:calls=1\r\n"},
		ERR_UNSUPPORTED, "proxy"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct source s = cases[i].source;
		struct err err = {0};
		char keys[64];

		if (s.flags == NULL)
			s.flags = FLAGS("$2\r\nAE\r\n");
		changes_of(&s, NULL, keys, &err);
		assert_string_equal(keys, "");
		if (err.kind != cases[i].kind ||
		    strstr(err.text, cases[i].text) == NULL)
			fail_msg("%zu: %s: %s", i, err_kind_name(err.kind),
			    err.text);
	}
}

/* RESETSTAT hides what it follows; before 7.0 it has no entry of its own, and
 * CONFIG SET none, but for the calls of CONFIG, of which one more is ours. */
static void
what_was_configured_meanwhile_makes_all_worthless(void **state)
{
	static const struct {
		const char *before, *after;
		bool good;
	} cases[] = {
	    {"", "", true},
	    {"total_commands_processed:9\r\n",
		"total_commands_processed:5000\r\n", true},
	    {"total_commands_processed:5000\r\n",
		"total_commands_processed:9\r\n", false},
	    {"cmdstat_config:calls=3,usec=1\r\n",
		"cmdstat_config:calls=4,usec=9\r\n", true},
	    {"cmdstat_config:calls=3,usec=1\r\n",
		"cmdstat_config:calls=5,usec=9\r\n", false},
	    {"cmdstat_config:calls=3,usec=1\r\n",
		"cmdstat_config:calls=2,usec=9\r\n", false},
	    {"cmdstat_config|set:calls=3,usec=1\r\n",
		"cmdstat_config|set:calls=4,usec=2\r\n", false},
	    {"cmdstat_config|resetstat:calls=1,usec=1\r\n",
		"cmdstat_config|resetstat:calls=1,usec=2\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char before[256], after[256], keys[64];
		struct source s = {.flags = FLAGS("$2\r\nAE\r\n"),
		    .rest = SET_A PONG,
		    .info = before,
		    .info_after = after};
		struct err err = {0};

		snprintf(before, sizeof(before), INFO "%s", cases[i].before);
		snprintf(after, sizeof(after), INFO "%s", cases[i].after);
		changes_of(&s, NULL, keys, &err);
		assert_string_equal(keys, cases[i].good ? "0:a " : "");
		if (!cases[i].good)
			assert_non_null(strstr(err.text, "or configured"));
	}
}

#define REFUSED	  "-ERR unknown command 'CONFIG'\r\n"
#define BOTH	  "PSUBSCRIBE __keyevent@*__:* __keyspace@*__:*"
#define BOTH_DONE SUBSCRIBED SUBSCRIBED

/* Where CONFIG is refused somebody's word may do, and the rest is seen to. */
static void
a_word_does_where_config_is_refused(void **state)
{
	static const struct {
		enum scan_trust trust;
		const char *flags, *info, *info_after, *rest, *keys, *why;
	} cases[] = {
	    {SCAN_ASK, REFUSED, NULL, NULL, SET_A PONG, "", "CONFIG GET"},
	    {SCAN_TRUST, REFUSED, NULL, NULL, SET_A SET_B3 KEY_A7 PONG,
		"0:a 3:b 7:a ", ""},
	    /* What is known is not vouched for. */
	    {SCAN_TRUST, FLAGS("$1\r\nE\r\n"), NULL, NULL, SET_A PONG, "",
		"not 'AE'"},
	    {SCAN_TRUST, REFUSED, "role:slave\r\ncmdstat_x:\r\n", NULL,
		SET_A PONG, "", "replica"},
	    {SCAN_TRUST, REFUSED, INFO "cmdstat_flushall:calls=1\r\n",
		INFO "cmdstat_flushall:calls=2\r\n", SET_A PONG, "", "flushed"},
	    {SCAN_TRUST, REFUSED, INFO "rdb_changes_since_last_save:1\r\n",
		INFO "rdb_changes_since_last_save:2\r\n", PONG, "",
		"told nothing of it"},
	    {SCAN_TRUST, REFUSED, INFO "rdb_changes_since_last_save:1\r\n",
		INFO "rdb_changes_since_last_save:2\r\n", SET_A PONG, "0:a ",
		""},
	    {SCAN_TRUST, REFUSED, "role:master\r\ncmdstat_x:\r\n", NULL,
		SET_A PONG, "0:a ", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct source s = {.flags = cases[i].flags,
		    .trust = cases[i].trust,
		    .info = cases[i].info,
		    .info_after = cases[i].info_after,
		    .subscribed = BOTH_DONE,
		    .rest = cases[i].rest};
		bool good = cases[i].keys[0] != '\0';
		struct err err = {0};
		char keys[64];

		changes_of(&s, good ? BOTH : NULL, keys, &err);
		assert_string_equal(keys, cases[i].keys);
		if (strstr(err.text, cases[i].why) == NULL)
			fail_msg("%zu: %s", i, err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_event_is_a_key_once),
	    cmocka_unit_test(what_is_no_event_makes_all_worthless),
	    cmocka_unit_test(what_was_configured_meanwhile_makes_all_worthless),
	    cmocka_unit_test(a_word_does_where_config_is_refused),
	};

	return cmocka_run_group_tests_name("scan_changes", tests, NULL, NULL);
}
