/* azure_cond.h -- a store's conditions as the service's headers. */
#ifndef STORAGE_AZURE_COND_H
#define STORAGE_AZURE_COND_H

#include <stdbool.h>

struct http_headers;
struct store_cond;

/* cond may be NULL: none. */
void azure_cond_add(struct http_headers *, const struct store_cond *);
bool azure_cond_any(const struct store_cond *);

#endif
