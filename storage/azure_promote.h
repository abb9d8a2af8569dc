/*
 * azure_promote.h -- an earlier state of a blob made the blob again.
 *
 * By a copy within the account, followed to its end, which the request's own
 * right authorizes; a SAS must stand at the source, too.
 */
#ifndef STORAGE_AZURE_PROMOTE_H
#define STORAGE_AZURE_PROMOTE_H

struct blob_props;
struct err;
struct scope;
struct store;

/*
 * which: "snapshot=..." or "versionid=...", encoded, and not empty.  props may
 * be NULL.  Safe twice.  ERR_CONFLICT when another wrote meanwhile.
 */
int azure_promote(struct store *, const struct scope *, const char *blob,
    const char *which, struct blob_props *props, struct err *);

#endif
