/*
 * file_props.h -- what a file: store knows of a blob: ETag, MD5, type.
 *
 * The ETag is the file's size and modification time in nanoseconds.  A commit
 * sets that time itself, later than that of the file it replaces, so the ETag
 * changes with every replacement, also with an edit from outside, and
 * survives a copy that keeps times.  MD5 and what the blob carries
 * (file_traits.h), as the committer gave them, are in the attribute
 * user.drsync together with the ETag that they hold for; where the file system
 * has no such attributes they are lost.
 *
 * ext4 has 4 KiB for all attributes of a file, a blob on Azure 8 KiB for its
 * metadata alone: what does not fit is an error, and no file.
 */
#ifndef STORAGE_FILE_PROPS_H
#define STORAGE_FILE_PROPS_H

#include <stdint.h>
#include <sys/stat.h>

struct arena;
struct blob_props;
struct blob_traits;
struct commit_opts;

/* Of the attribute; more than any file system takes of a blob's. */
#define FILE_PROPS_MAX 65536

/* From an open file, or from path when fd is -1. */
void file_props_get(
    int fd, const char *path, const struct stat *, struct blob_props *);

/* And what it carries, in the arena. */
void file_props_look(int fd, const char *path, const struct stat *,
    struct arena *, struct blob_props *, struct blob_traits *);

/* ETAG_MAX bytes. */
void file_etag(const struct stat *, char *etag);

uint64_t file_mtime_ns(const struct stat *);

/* Give the file that time and what opts say; -1 and errno, ENOSPC or E2BIG
 * where it does not fit. */
int file_props_set(int fd, uint64_t mtime_ns, const struct commit_opts *);

/* What opts say, of a file that stays as it is. */
int file_props_keep(int fd, const struct stat *, const struct commit_opts *);

#endif
