/*
 * target_save.h -- what a target was loaded with, on its own disk.
 *
 * A server that loads from a socket, or by RESTORE, has it in memory alone,
 * and its next save point may be an hour away: until then a restart loses it,
 * or brings back what was there before.
 */
#ifndef RDB_TARGET_SAVE_H
#define RDB_TARGET_SAVE_H

struct err;
struct redis_conn;
struct scope;

enum target_save {
	TARGET_KEEPS_NONE, /* it is not configured to keep anything, or does
			    * not tell */
	TARGET_SAVED,
	TARGET_NOT_SAVED, /* it keeps something, and could not: see why */
};

/*
 * By BGSAVE where there are save points, or by the append-only file's rewrite,
 * which a server begins by itself after a full sync.  Waits for its end.
 * Fails for a connection that breaks, or at the scope's end, only.
 */
int target_save(struct redis_conn *, const struct scope *, enum target_save *,
    char why[200], struct err *);

#endif
