/* azure_undo.h -- snapshots, and what soft delete and versions keep. */
#ifndef STORAGE_AZURE_UNDO_H
#define STORAGE_AZURE_UNDO_H

struct store_undo_ops;

extern const struct store_undo_ops azure_undo_ops;

#endif
