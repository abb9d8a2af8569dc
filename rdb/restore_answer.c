#include <string.h>

#include "base/err.h"
#include "rdb/redis_error.h"
#include "rdb/restore_lane.h"

#include "rdb/restore_answer.h"

/* What EXEC answers by: a reply of each command. */
static int
judge_batch(
    const redisReply *r, struct restore_answer_sums *sums, struct err *err)
{
	for (size_t i = 0; i < r->elements; i++) {
		const redisReply *one = r->element[i];

		if (one->type == REDIS_REPLY_ERROR)
			return redis_error_set(err, one->str);
		sums->unclaimed += one->type == REDIS_REPLY_ARRAY &&
		    one->elements == 0;
	}
	sums->keys++;
	return 0;
}

static int
judge(const struct restore_sent *s, const redisReply *r,
    struct restore_answer_sums *sums, struct err *err)
{
	enum restore_what what = s->subject.what;

	if (what == RESTORE_BATCH && r->type == REDIS_REPLY_ARRAY)
		return judge_batch(r, sums, err);
	if (what == RESTORE_REMOVE && r->type == REDIS_REPLY_INTEGER)
		return 0;
	if (what == RESTORE_BATCH || what == RESTORE_REMOVE ||
	    r->type != REDIS_REPLY_STATUS || strcmp(r->str, "OK") != 0)
		return err_set(err, ERR_CORRUPT,
		    "a reply that is neither OK nor an error");
	sums->keys += what == RESTORE_KEY;
	return 0;
}

int
restore_answer_judge(const struct restore_sent *s, const redisReply *r,
    struct restore_answer_sums *sums, struct err *err)
{
	if (judge(s, r, sums, err) == 0)
		return 0;
	return restore_subject_in(&s->subject, err);
}
