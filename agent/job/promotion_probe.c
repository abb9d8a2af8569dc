#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_target.h"

#include "agent/job/agent.h"
#include "agent/job/promotion_probe.h"
#include "agent/job/settings.h"

#define PROBE_MS 20000

static int
check_set(const struct settings *s, struct err *err)
{
	static const enum option needed[] = {OPT_SOURCE_REDIS, OPT_DR_REDIS};

	for (int i = 0; i < 2; i++)
		if (settings_str(s, needed[i]) == NULL)
			return err_set(err, ERR_USAGE,
			    "'%s' is not set, so it was not tried",
			    options[needed[i]].key);
	return 0;
}

/* An alias moves no port, and clients speak TLS or do not, as they did. */
static int
dial(const struct redis_target *source, const struct redis_opts *client,
    const struct redis_opts *server, const struct scope *scope,
    const char *alias, const char *host, struct err *err)
{
	struct redis_address address = source->hosts[0];
	struct redis_opts opts = *client;
	struct redis_conn *conn;

	if (address.port == 0)
		return err_set(err, ERR_USAGE,
		    "the source Redis is reached by a unix socket, and no "
		    "alias leads to one");
	address.host = (char *)host;
	opts.tls = server->tls;
	opts.tls.server_name = alias;
	conn = redis_connect(&address, source->user, &opts, scope, err);
	redis_conn_free(conn);
	return conn != NULL ? 0 : -1;
}

int
promotion_probe(void *arg, const struct scope *scope, const char *alias,
    const char *host, struct err *err)
{
	struct agent *agent = arg;
	struct scope within = scope_within(scope, PROBE_MS);
	const struct redis_target *source, *dr;
	const struct redis_opts *client, *server;

	if (check_set(agent_settings(agent), err) != 0)
		return -1;
	source = agent_redis(agent, REGION_SOURCE, &within, &client, err);
	if (source == NULL)
		return -1;
	dr = agent_redis(agent, REGION_DR, &within, &server, err);
	if (dr == NULL)
		return -1;
	if (dial(source, client, server, &within, alias, host, err) == 0)
		return 0;
	if (dr->hosts[0].port != source->hosts[0].port &&
	    source->hosts[0].port != 0)
		err_in(err,
		    "clients dial port %d, an alias moves no port, and the DR "
		    "Redis has %d",
		    source->hosts[0].port, dr->hosts[0].port);
	return -1;
}
