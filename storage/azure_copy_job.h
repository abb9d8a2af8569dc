/*
 * azure_copy_job.h -- Copy Blob: begun here, done by the service in its time.
 *
 * What comes of it is told by the destination's properties alone.  Its
 * condition and its lease are looked at when it begins; until it ends nobody
 * else can write to the blob.
 */
#ifndef STORAGE_AZURE_COPY_JOB_H
#define STORAGE_AZURE_COPY_JOB_H

struct copy_job;
struct err;
struct put_from;
struct scope;
struct store;

/* As store_copy_ops has them. */
int azure_copy_start(struct store *, const struct scope *, const char *blob,
    const struct put_from *, struct copy_job *, struct err *);
int azure_copy_poll(struct store *, const struct scope *, const char *blob,
    struct copy_job *, struct err *);
int azure_copy_abort(struct store *, const struct scope *, const char *blob,
    const char *id, struct err *);

#endif
