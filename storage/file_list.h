/*
 * file_list.h -- the listing of a file: store, by pages, in order of names.
 *
 * A marker is the last name of the page before it.  Each page walks down to
 * where that was; a directory on the way is read whole and sorted, so memory
 * grows with the entries of the widest one, which has a ceiling.  What is no
 * regular file is not listed, and neither is a directory without blobs.
 */
#ifndef STORAGE_FILE_LIST_H
#define STORAGE_FILE_LIST_H

/* Entries of one directory; about 80 MB of memory. */
#define FILE_LIST_WIDTH_MAX 1000000

struct err;
struct file_dir;
struct list_opts;
struct list_page;
struct scope;

int file_list(const struct file_dir *, const struct scope *,
    const struct list_opts *, const char *marker, struct list_page *,
    struct err *);

#endif
