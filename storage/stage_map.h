/*
 * stage_map.h -- where the blocks that one writer staged lie (file_stage.h).
 *
 * Blocks in a row lie in the main file as they will lie in the blob; what does
 * not fit there goes to the loose one.  Zeros are an empty map.
 */
#ifndef STORAGE_STAGE_MAP_H
#define STORAGE_STAGE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

/* Of a block's id: the writer's; the others count. */
#define WRITER_DIGITS 16

enum { FILE_MAIN, FILE_LOOSE };

struct extent {
	struct block_id id;
	bool ready; /* its bytes are there */
	int file;   /* FILE_MAIN, FILE_LOOSE */
	uint64_t off;
	uint64_t len;
};

struct stage_map {
	uint64_t slot;	    /* length of the first block */
	uint64_t loose_end; /* of what was given away of FILE_LOOSE */
	struct extent *ext; /* ascending by id */
	size_t n, alloc;
};

void stage_map_release(struct stage_map *);

/* NULL when there is none; good until the map is changed. */
struct extent *
stage_map_find(const struct stage_map *, const struct block_id *);

/* In the place of one with that id. */
void stage_map_set(struct stage_map *, const struct extent *);
void stage_map_remove(struct stage_map *, const struct block_id *);

/* Gives the block a place of its own: fills file and off. */
void stage_map_place(struct stage_map *, struct extent *);

/* Whether the main file is exactly these blocks in this order; its size. */
bool stage_map_is_whole(const struct stage_map *, const struct block_id *ids,
    size_t n, uint64_t *size);

#endif
