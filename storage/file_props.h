/*
 * file_props.h -- what a file: store knows of a blob: ETag, MD5, type.
 *
 * The ETag is the file's size and modification time in nanoseconds.  A commit
 * sets that time itself, later than that of the file it replaces, so the ETag
 * changes with every replacement, also with an edit from outside, and
 * survives a copy that keeps times.  MD5 and content type, as the committer
 * gave them, are in the attribute user.drsync together with the ETag that
 * they hold for; where the file system has no such attributes they are lost.
 */
#ifndef STORAGE_FILE_PROPS_H
#define STORAGE_FILE_PROPS_H

#include <stdint.h>
#include <sys/stat.h>

struct blob_props;
struct commit_opts;

/* From an open file, or from path when fd is -1. */
void file_props_get(
    int fd, const char *path, const struct stat *, struct blob_props *);

/* ETAG_MAX bytes. */
void file_etag(const struct stat *, char *etag);

uint64_t file_mtime_ns(const struct stat *);

/* Give the file that time and what opts say; -1 and errno. */
int file_props_set(int fd, uint64_t mtime_ns, const struct commit_opts *);

#endif
