#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arm/lever_set.h"
#include "base/err.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/show.h"
#include "agent/job/settings.h"

/* All there are: so that what a command line comes to can be looked at. */
static const enum option takes[] = {SOURCE_REDIS_OPTIONS, FILTER_OPTIONS,
    SOURCE_STORE_OPTIONS, DR_REDIS_OPTIONS, DR_STORE_OPTIONS, CODING_OPTIONS,
    LOADING_OPTIONS, OPT_KIND, BLOB_OPTIONS, OPT_IN_FLIGHT, OPT_IMPORT,
    PROMOTION_OPTIONS, OPT_TIMEOUT, OPTIONS};

/* The levers of the job, whose settings were checked as they were loaded. */
static struct lever_set *
open_levers(const struct cmd_call *c)
{
	const cJSON *list = settings_levers(c->settings);
	struct err ignored = {0};

	return list != NULL ? lever_set_parse(list, &ignored) : NULL;
}

static void
show_levers(const struct cmd_call *c)
{
	struct lever_set *set = open_levers(c);

	for (size_t i = 0; set != NULL && i < lever_set_count(set); i++)
		printf("  %-26s %-40s %s\n", "promotion.levers",
		    lever_name(lever_set_at(set, i)), origin_name(ORIGIN_FILE));
	lever_set_free(set);
}

static void
show_text(struct cmd_call *c)
{
	const char *path = settings_path(c->settings);
	const char *job;

	printf("configuration: %s\n", path != NULL ? path : "no file");
	printf("jobs:          ");
	for (size_t i = 0; (job = settings_job(c->settings, i)) != NULL; i++)
		printf("%s%s", i > 0 ? ", " : "", job);
	printf("%s\n", settings_job(c->settings, 0) == NULL ? "none" : "");
	if (c->job_given)
		printf("settings of job '%s':\n", c->job);
	for (int o = 0; o < OPTIONS; o++) {
		char *value = settings_shown(c->settings, (enum option)o);

		if (value != NULL)
			printf("  %-26s %-40s %s\n", options[o].key, value,
			    origin_name(
				settings_origin(c->settings, (enum option)o)));
		free(value);
	}
	show_levers(c);
}

static void
show_document(struct cmd_call *c)
{
	cJSON *doc = cJSON_CreateObject();
	const char *path = settings_path(c->settings);
	cJSON *list, *jobs;
	const char *job;

	if (path != NULL)
		cJSON_AddStringToObject(doc, "path", path);
	jobs = cJSON_AddArrayToObject(doc, "jobs");
	for (size_t i = 0; (job = settings_job(c->settings, i)) != NULL; i++)
		cJSON_AddItemToArray(jobs, cJSON_CreateString(job));
	if (c->job_given)
		cJSON_AddStringToObject(doc, "job", c->job);
	list = cJSON_AddArrayToObject(doc, "settings");
	for (int o = 0; o < OPTIONS; o++) {
		char *value = settings_shown(c->settings, (enum option)o);
		cJSON *e = cJSON_CreateObject();

		cJSON_AddStringToObject(e, "key", options[o].key);
		if (value != NULL)
			cJSON_AddStringToObject(e, "value", value);
		else
			cJSON_AddNullToObject(e, "value");
		cJSON_AddStringToObject(e, "from",
		    origin_name(settings_origin(c->settings, (enum option)o)));
		cJSON_AddItemToArray(list, e);
		free(value);
	}
	if (settings_levers(c->settings) != NULL)
		cJSON_AddItemToObject(doc, "promotion_levers",
		    cJSON_Duplicate(settings_levers(c->settings), true));
	show_json(doc);
}

static int
run(struct cmd_call *c, struct err *err)
{
	if (strcmp(c->args[0], "show") == 0) {
		if (c->json)
			show_document(c);
		else
			show_text(c);
		return 0;
	}
	if (strcmp(c->args[0], "check") != 0)
		return err_set(err, ERR_USAGE,
		    "'%.40s' is neither 'show' nor 'check'", c->args[0]);
	/* That the settings could be loaded is the check. */
	if (c->json) {
		cJSON *doc = cJSON_CreateObject();

		cJSON_AddBoolToObject(doc, "good", true);
		show_json(doc);
	} else {
		printf("%s: good\n",
		    settings_path(c->settings) != NULL
			? settings_path(c->settings)
			: "no configuration file; defaults and environment");
	}
	return 0;
}

const struct cmd cmd_config = {
    .name = "config",
    .args = "show|check",
    .least_args = 1,
    .most_args = 1,
    .summary = "the settings in force and where each came from",
    .text = "'config show' tells every setting, with --job those of a job, "
	    "and whether it came from the defaults, the configuration, the "
	    "environment or the command line; secrets are shown as the "
	    "references that they are. 'config check' reads the configuration "
	    "and all its jobs, and tells what is wrong with it.",
    .options = takes,
    .run = run,
};
