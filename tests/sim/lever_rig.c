#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/credential.h"
#include "base/json.h"
#include "base/secret.h"
#include "tests/sim/lever_rig.h"

static int
leave(void *arg, struct err *err)
{
	struct lever_rig *r = arg;

	r->leaves++;
	return r->no_leave ? err_set(err, ERR_LOCKED,
				 "the lease is about to "
				 "end")
			   : 0;
}

void
lever_rig_up(struct lever_rig *r, const struct arm_step *steps, size_t n)
{
	struct secret token = {0};

	memset(r, 0, sizeof(*r));
	arm_rig_up(&r->arm, steps, n);
	secret_set(&token, ARM_TOKEN, strlen(ARM_TOKEN));
	r->credential = credential_fixed_new(&token);
	secret_release(&token);
	r->cloud = *cloud_find("public", &r->arm.err);
	r->cloud.vault_suffix = "127.0.0.1";
	r->cloud.arm = script_server_url(r->arm.server, "");
	r->env = (struct lever_env){
	    .job = "shop",
	    .http = r->arm.http,
	    .credential = r->credential,
	    .cloud = &r->cloud,
	    .still_ours = leave,
	    .still_ours_arg = r,
	};
}

void
lever_rig_down(struct lever_rig *r)
{
	lever_view_release(&r->view);
	cJSON_Delete(r->note);
	lever_free(r->lever);
	r->credential->ops->free(r->credential);
	free((char *)r->cloud.arm);
	arm_rig_down(&r->arm);
}

cJSON *
lever_rig_json(struct lever_rig *r, const char *settings)
{
	struct buf b;
	cJSON *root;

	buf_init(&b, (size_t)1 << 20);
	for (const char *p = settings; *p != '\0'; p++)
		if (strncmp(p, "{host}", 6) == 0) {
			buf_adds(&b, r->cloud.arm);
			p += 5;
		} else {
			buf_addc(&b, (char)(*p == '\'' ? '"' : *p));
		}
	root = json_parse(b.data, b.len, b.max, false, &r->arm.err);
	if (root == NULL)
		fail_msg("%s: %s", b.data, r->arm.err.text);
	buf_release(&b);
	return root;
}

void
lever_rig_parse(struct lever_rig *r, const char *settings)
{
	cJSON *root = lever_rig_json(r, settings);

	lever_free(r->lever);
	r->lever = lever_parse(root, &r->arm.err);
	cJSON_Delete(root);
	arm_rig_ok(&r->arm, r->lever != NULL ? 0 : -1);
}

void
lever_rig_refuses(const struct lever_wrong *wrong, size_t n)
{
	struct lever_rig r;

	lever_rig_up(&r, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		cJSON *root = lever_rig_json(&r, wrong[i].settings);
		struct lever *l = lever_parse(root, &r.arm.err);

		arm_rig_fails(
		    &r.arm, l != NULL ? 0 : -1, ERR_USAGE, wrong[i].says);
		cJSON_Delete(root);
	}
	lever_rig_down(&r);
}

int
lever_rig_look(struct lever_rig *r, enum lever_way way)
{
	int rc;

	r->arm.err = (struct err){0};
	lever_view_release(&r->view);
	rc = lever_look(r->lever, &r->env, &r->arm.scope, way,
	    way == LEVER_UNDO ? r->note : NULL, &r->view, &r->arm.err);
	if (rc == 0 && way == LEVER_PULL) {
		cJSON_Delete(r->note);
		r->note = cJSON_Duplicate(r->view.note, true);
	}
	return rc;
}

int
lever_rig_move(struct lever_rig *r, enum lever_way way)
{
	r->arm.err = (struct err){0};
	return lever_move(r->lever, &r->env, &r->arm.scope, way, r->note,
	    &r->changed, &r->arm.err);
}

int
lever_rig_check(struct lever_rig *r, enum lever_way way, int64_t wait_ms)
{
	struct scope within = scope_within(&r->arm.scope, wait_ms);

	r->arm.err = (struct err){0};
	return lever_check(
	    r->lever, &r->env, &within, way, r->note, &r->arm.err);
}

void
lever_rig_looks(struct lever_rig *r, enum lever_way way, size_t changes)
{
	arm_rig_ok(&r->arm, lever_rig_look(r, way));
	assert_int_equal(r->view.nchanges, changes);
}

void
lever_rig_moves(struct lever_rig *r, enum lever_way way, bool changed)
{
	arm_rig_ok(&r->arm, lever_rig_move(r, way));
	assert_int_equal(r->changed, changed);
}

void
lever_rig_holds(struct lever_rig *r, enum lever_way way)
{
	arm_rig_ok(&r->arm, lever_rig_check(r, way, 60000));
}

bool
lever_rig_noted(struct lever_rig *r, const char *text)
{
	char *note = json_format_line(r->note);
	bool holds = strstr(note, text) != NULL;

	free(note);
	return holds;
}
