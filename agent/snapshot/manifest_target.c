#include "base/err.h"
#include "base/json.h"

#include "agent/snapshot/manifest.h"
#include "agent/snapshot/manifest_target.h"

/* The modules that the source had loaded, as its profile says. */
static size_t
modules_of(const struct manifest *m, const char **names, size_t most)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(
	    m->profile, "modules");
	const cJSON *e;
	size_t n = 0;

	cJSON_ArrayForEach(e, list)
	{
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(e, "name");

		if (n < most && cJSON_IsString(name))
			names[n++] = name->valuestring;
	}
	return n;
}

void
manifest_target(const struct manifest *m, struct manifest_target *t)
{
	struct err ignored = {0};
	int64_t used = 0;

	/* Of a part nobody knows what it takes. */
	if (m->filter == NULL)
		json_opt_int(m->profile, "used_memory", &used, &ignored);
	*t = (struct manifest_target){
	    .rdb =
		{
		    .version = m->rdb_version,
		    .valkey = m->valkey,
		    .complete = true,
		    .keys = m->total.keys,
		    .types_seen = m->types_seen,
		    .has_functions = m->functions > 0,
		    .has_modules = m->has_modules,
		    .db_max = m->db_max,
		    .value_max = m->value_max,
		    .sizes = m->sizes,
		},
	    .dump =
		{
		    .rdb = &t->rdb,
		    .shards = m->nshards,
		    .size = m->raw_bytes,
		    .unproved = !m->verified,
		    .used_memory = used > 0 ? (uint64_t)used : 0,
		    .modules = t->modules,
		},
	};
	t->dump.nmodules = modules_of(m, t->modules, TARGET_MODULES_MAX);
}
