/*
 * azure_put_from.h -- Put Blob From URL, many under way at once.
 *
 * The service reads the whole source and writes the blob in the one request;
 * what it answers is looked at by put_end(), on the caller's thread.
 */
#ifndef STORAGE_AZURE_PUT_FROM_H
#define STORAGE_AZURE_PUT_FROM_H

struct blob_props;
struct err;
struct put_call;
struct put_from;
struct scope;
struct store;

/* As store_copy_ops has them. */
struct put_call *azure_put_begin(struct store *, const struct scope *,
    const struct put_from *, void (*ended)(void *arg), void *arg, struct err *);
int azure_put_end(struct put_call *, struct blob_props *, struct err *);

#endif
