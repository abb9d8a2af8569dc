/*
 * azure_undo.h -- snapshots, and what soft delete keeps.
 *
 * A snapshot becomes the blob again by a copy within the account, which the
 * request's own right authorizes (a SAS must stand at the source, too).
 */
#ifndef STORAGE_AZURE_UNDO_H
#define STORAGE_AZURE_UNDO_H

struct store_undo_ops;

extern const struct store_undo_ops azure_undo_ops;

#endif
