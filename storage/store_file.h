/*
 * store_file.h -- the driver for file:///DIR: a directory as a store.
 *
 * Blobs are plain files under their own names, so any tool can read them, and
 * with the same semantics as the service's: commits are atomic, conditional
 * and durable, leases expire.  What a file system cannot do is an error that
 * says so: a blob beside others "inside" it ("a" and "a/b"), segments over
 * 255 bytes, ".." and the like.  Several processes may share the directory,
 * as far as its file system has working flock(2) (local ones, NFS 4).
 *
 * DIR is made by the first write, the directory above it must be there.
 */
#ifndef STORAGE_STORE_FILE_H
#define STORAGE_STORE_FILE_H

struct err;
struct file_dir;
struct stat;
struct store;

/* ERR_USAGE for what is no file:///DIR; touches nothing. */
struct store *store_file_open(const char *dir_url, struct err *);

/* Of a store that this driver opened; for the rest of the driver. */
struct file_dir *store_file_dir(struct store *);

/* The blob's file, or -1: ERR_MISSING for what is no regular one. */
int store_file_open_blob(
    const struct file_dir *, const char *blob, struct stat *, struct err *);

#endif
