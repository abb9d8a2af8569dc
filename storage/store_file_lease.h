/* store_file_lease.h -- leases of the file: driver, on blobs. */
#ifndef STORAGE_STORE_FILE_LEASE_H
#define STORAGE_STORE_FILE_LEASE_H

struct store_lease_ops;

extern const struct store_lease_ops store_file_lease_ops;

#endif
