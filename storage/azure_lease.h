/* azure_lease.h -- leases of the Azure driver, on blobs. */
#ifndef STORAGE_AZURE_LEASE_H
#define STORAGE_AZURE_LEASE_H

struct store_lease_ops;

extern const struct store_lease_ops azure_lease_ops;

#endif
