#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/secret.h"
#include "base/xalloc.h"
#include "storage/cipher.h"
#include "tests/sim/catcher.h"

#define MIB    ((size_t)1 << 20)
#define HEADER 52
#define TAG    16
#define SEALED (MIB + TAG)
#define KEY_ID 44
#define KEY_HEX \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

struct whom {
	const char *key;
	const char *snapshot;
	unsigned part;
};

static const struct whom ours = {KEY_HEX, "20261121T062749Z-k3v9qa", 3};

typedef struct sink *
make_stage(const struct scope *, const struct cipher_opts *, struct err *);

/* Through one stage in a budget that is just enough; end is the caller's. */
static int
run(make_stage *make, const struct whom *whom, const unsigned char *data,
    size_t len, size_t step, struct catcher *end, struct err *err)
{
	struct scope scope = scope_root(NULL);
	struct secret key = {0};
	struct cipher_opts opts = {
	    .key = &key,
	    .snapshot = whom->snapshot,
	    .part = whom->part,
	};
	struct sink *s;
	int rc = -1;

	secret_set(&key, whom->key, strlen(whom->key));
	opts.budget = budget_new(cipher_cost(&opts));
	s = make(&scope, &opts, err);
	secret_release(&key);
	if (s != NULL)
		rc = catcher_run(end, s, data, len, step, err);
	else
		catcher_init(end);
	budget_free(opts.budget);
	return rc;
}

static void
seal(const unsigned char *data, size_t len, size_t step, struct catcher *end)
{
	struct err err = {0};

	if (run(cipher_seal_new, &ours, data, len, step, end, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(end->len, cipher_size(len));
}

/* What is passed on before the failure must be a beginning of data. */
static void
assert_refused(const struct whom *whom, const unsigned char *sealed, size_t n,
    const unsigned char *data, enum err_kind kind)
{
	struct catcher end;
	struct err err = {0};

	assert_int_equal(
	    run(cipher_open_new, whom, sealed, n, 100000, &end, &err), -1);
	assert_int_equal(err.kind, kind);
	if (end.len > 0)
		assert_memory_equal(end.data, data, end.len);
	catcher_release(&end);
}

static void
every_size_comes_back(void **state)
{
	static const size_t sizes[] = {
	    0, 1, 100, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 7};
	static const size_t steps[] = {0, 99991, MIB + 3};
	unsigned char *data = xmalloc(4 * MIB);

	(void)state;
	fill_text(data, 4 * MIB, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			struct catcher sealed, end;
			struct err err = {0};

			seal(data, sizes[i], steps[k], &sealed);
			assert_int_equal(
			    run(cipher_open_new, &ours, sealed.data, sealed.len,
				steps[k], &end, &err),
			    0);
			assert_int_equal(end.len, sizes[i]);
			if (end.len > 0)
				assert_memory_equal(end.data, data, end.len);
			catcher_release(&end);
			catcher_release(&sealed);
		}
	free(data);
}

static void
a_small_part_survives_any_cuts(void **state)
{
	unsigned char data[300];

	(void)state;
	fill_text(data, sizeof(data), 2);
	for (size_t step = 1; step < 80; step++) {
		struct catcher sealed, end;
		struct err err = {0};

		seal(data, sizeof(data), step, &sealed);
		assert_int_equal(run(cipher_open_new, &ours, sealed.data,
				     sealed.len, step, &end, &err),
		    0);
		assert_int_equal(end.len, sizeof(data));
		assert_memory_equal(end.data, data, sizeof(data));
		catcher_release(&end);
		catcher_release(&sealed);
	}
}

static void
a_flip_anywhere_is_seen(void **state)
{
	unsigned char data[150];
	struct catcher sealed;

	(void)state;
	fill_text(data, sizeof(data), 3);
	seal(data, sizeof(data), 0, &sealed);
	for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
		size_t at = bit / 8;
		bool in_id = at >= KEY_ID && at < HEADER;

		sealed.data[at] ^= (unsigned char)(1u << bit % 8);
		assert_refused(&ours, sealed.data, sealed.len, data,
		    in_id ? ERR_AUTH : ERR_CORRUPT);
		sealed.data[at] ^= (unsigned char)(1u << bit % 8);
	}
	catcher_release(&sealed);
}

static void
a_cut_anywhere_is_seen(void **state)
{
	unsigned char *data = xmalloc(2 * MIB + 50);
	struct catcher sealed;
	unsigned char small[64];

	(void)state;
	fill_text(small, sizeof(small), 4);
	seal(small, sizeof(small), 0, &sealed);
	for (size_t n = 0; n < sealed.len; n++)
		assert_refused(&ours, sealed.data, n, small, ERR_CORRUPT);
	catcher_release(&sealed);

	/* Between two chunks too: what then is last was not sealed as it. */
	fill_text(data, 2 * MIB + 50, 4);
	seal(data, 2 * MIB + 50, 0, &sealed);
	for (int d = -1; d <= 17; d++) {
		assert_refused(&ours, sealed.data, HEADER + SEALED + (size_t)d,
		    data, ERR_CORRUPT);
		assert_refused(&ours, sealed.data,
		    HEADER + 2 * SEALED + (size_t)d, data, ERR_CORRUPT);
	}
	catcher_release(&sealed);
	free(data);
}

static void
bytes_after_the_end_are_seen(void **state)
{
	size_t len = MIB + 50;
	unsigned char *data = xmalloc(len), *more;
	static const size_t sizes[] = {0, 50, MIB, MIB + 50};

	(void)state;
	fill_text(data, len, 5);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct catcher sealed;

		seal(data, sizes[i], 0, &sealed);
		more = xcalloc(1, sealed.len + 2 * SEALED);
		memcpy(more, sealed.data, sealed.len);
		assert_refused(&ours, more, sealed.len + 1, data, ERR_CORRUPT);
		assert_refused(&ours, more, sealed.len + 16, data, ERR_CORRUPT);
		assert_refused(
		    &ours, more, sealed.len + 2 * SEALED, data, ERR_CORRUPT);
		free(more);
		catcher_release(&sealed);
	}
	free(data);
}

/* Put the sealed chunks of from at the given places into a new stream. */
static void
assert_order_refused(const struct catcher *from, const unsigned char *data,
    const int *order, size_t n)
{
	unsigned char *mixed = xmalloc(HEADER + n * SEALED);

	memcpy(mixed, from->data, HEADER);
	for (size_t i = 0; i < n; i++)
		memcpy(mixed + HEADER + i * SEALED,
		    from->data + HEADER + (size_t)order[i] * SEALED, SEALED);
	assert_refused(&ours, mixed, HEADER + n * SEALED, data, ERR_CORRUPT);
	free(mixed);
}

static void
chunks_keep_their_places(void **state)
{
	unsigned char *data = xmalloc(3 * MIB);
	struct catcher sealed;

	(void)state;
	fill_text(data, 3 * MIB, 6);
	seal(data, 3 * MIB, 0, &sealed);
	assert_order_refused(&sealed, data, (int[]){1, 0, 2}, 3);
	assert_order_refused(&sealed, data, (int[]){0, 0, 2}, 3);
	assert_order_refused(&sealed, data, (int[]){0, 2}, 2);
	assert_order_refused(&sealed, data, (int[]){1, 2}, 2);
	assert_order_refused(&sealed, data, (int[]){0, 1}, 2);
	assert_order_refused(&sealed, data, (int[]){2}, 1);
	assert_order_refused(&sealed, data, (int[]){0, 1, 1, 2}, 4);
	assert_order_refused(&sealed, data, (int[]){0, 1, 2, 2}, 4);
	catcher_release(&sealed);
	free(data);
}

static void
another_part_snapshot_or_key_is_refused(void **state)
{
	struct whom part = ours, snapshot = ours, key = ours;
	unsigned char data[100];
	struct catcher sealed;

	(void)state;
	part.part = 4;
	snapshot.snapshot = "20261121T062749Z-k3v9qb";
	key.key = "ff0102030405060708090a0b0c0d0e0f"
		  "101112131415161718191a1b1c1d1e1f";
	fill_text(data, sizeof(data), 7);
	seal(data, sizeof(data), 0, &sealed);
	assert_refused(&part, sealed.data, sealed.len, data, ERR_CORRUPT);
	assert_refused(&snapshot, sealed.data, sealed.len, data, ERR_CORRUPT);
	assert_refused(&key, sealed.data, sealed.len, data, ERR_AUTH);
	catcher_release(&sealed);
}

/* The same bytes sealed twice share nothing but the magic and the key's id. */
static void
every_sealing_has_a_salt_of_its_own(void **state)
{
	unsigned char data[100];
	struct catcher a, b;

	(void)state;
	fill_text(data, sizeof(data), 8);
	seal(data, sizeof(data), 0, &a);
	seal(data, sizeof(data), 0, &b);
	assert_memory_equal(a.data, "DRSYNC1\0\0\x10\0\0", 12);
	assert_memory_equal(a.data + KEY_ID, b.data + KEY_ID, 8);
	assert_memory_not_equal(a.data + 12, b.data + 12, 32);
	assert_memory_not_equal(a.data + HEADER, b.data + HEADER, 100);
	catcher_release(&a);
	catcher_release(&b);
}

static void
a_key_has_three_forms(void **state)
{
	static const char *const good[] = {
	    KEY_HEX,
	    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
	    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
	};
	static const char *const bad[] = {"", "short",
	    "0123456789012345678901234567890",
	    ("zz0102030405060708090a0b0c0d0e0f"
	     "101112131415161718191a1b1c1d1e1f"),
	    "!!ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
	    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8f"};
	struct whom whom = ours;
	unsigned char data[10] = "plaintext";
	struct catcher sealed, end;
	struct err err = {0};

	(void)state;
	seal(data, sizeof(data), 0, &sealed);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		whom.key = good[i];
		if (run(cipher_open_new, &whom, sealed.data, sealed.len, 0,
			&end, &err) != 0)
			fail_msg("%s: %s", good[i], err.text);
		assert_memory_equal(end.data, data, sizeof(data));
		catcher_release(&end);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		whom.key = bad[i];
		err.kind = ERR_NONE;
		assert_int_equal(run(cipher_open_new, &whom, sealed.data,
				     sealed.len, 0, &end, &err),
		    -1);
		assert_int_equal(err.kind, ERR_USAGE);
		if (bad[i][0] != '\0')
			assert_null(strstr(err.text, bad[i]));
	}
	catcher_release(&sealed);
}

/* The 32 bytes as they are, zeros among them. */
static void
a_raw_key_may_hold_any_byte(void **state)
{
	struct scope scope = scope_root(NULL);
	unsigned char raw[32], data[10] = "plaintext";
	struct secret key = {0};
	struct cipher_opts opts = {
	    .key = &key,
	    .snapshot = ours.snapshot,
	    .part = ours.part,
	};
	struct catcher sealed, end;
	struct err err = {0};
	struct sink *s;

	(void)state;
	for (unsigned i = 0; i < sizeof(raw); i++)
		raw[i] = (unsigned char)i;
	secret_set(&key, raw, sizeof(raw));
	seal(data, sizeof(data), 0, &sealed);
	opts.budget = budget_new(cipher_cost(&opts));
	s = cipher_open_new(&scope, &opts, &err);
	assert_non_null(s);
	catcher_init(&end);
	s->next = &end.base;
	assert_int_equal(write_steps(s, sealed.data, sealed.len, 0, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	assert_memory_equal(end.data, data, sizeof(data));
	sink_free(s);
	catcher_release(&end);
	catcher_release(&sealed);
	secret_release(&key);
	budget_free(opts.budget);
}

static void
fixed_random(const struct clock *clock, void *out, size_t n)
{
	(void)clock;
	memset(out, 0x5a, n);
}

/*
 * A part sealed once and for all, by Node's crypto after the layout in the
 * header.  If this changes, old snapshots cannot be opened.
 */
static void
the_format_is_what_the_header_says(void **state)
{
	static const char expected[] =
	    "445253594e433100001000005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
	    "5a5a5a5a5a5a5a5a5a5a5a5a22b590e57a7ad658bc1e2a0bf42d39fc4e3e3f46"
	    "f32b648f4c9141e3c623a5aa511760cc23b9";
	struct clock clock = clock_system;
	struct scope scope = scope_root(NULL);
	struct secret key = {0};
	struct cipher_opts opts = {.key = &key, .snapshot = "snap", .part = 7};
	struct catcher end;
	struct err err = {0};
	char *hex;
	struct sink *s;

	(void)state;
	clock.random = fixed_random;
	scope.clock = &clock;
	secret_set(&key, KEY_HEX, strlen(KEY_HEX));
	opts.budget = budget_new(cipher_cost(&opts));
	s = cipher_seal_new(&scope, &opts, &err);
	assert_non_null(s);
	catcher_init(&end);
	s->next = &end.base;
	assert_int_equal(write_steps(s, "attack at dawn", 14, 0, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	hex = xmalloc(2 * end.len + 1);
	hex_encode(end.data, end.len, hex);
	assert_string_equal(hex, expected);
	free(hex);
	sink_free(s);
	catcher_release(&end);
	secret_release(&key);
	budget_free(opts.budget);
}

static void
a_failure_behind_comes_through(void **state)
{
	unsigned char *data = xmalloc(2 * MIB);
	struct scope scope = scope_root(NULL);
	struct secret key = {0};
	struct cipher_opts opts = {.key = &key, .snapshot = "s"};

	(void)state;
	fill_text(data, 2 * MIB, 9);
	secret_set(&key, KEY_HEX, strlen(KEY_HEX));
	opts.budget = budget_new(cipher_cost(&opts));
	for (unsigned at = 1; at <= 4; at++) {
		struct catcher end;
		struct err err = {0};
		struct sink *s = cipher_seal_new(&scope, &opts, &err);

		catcher_init(&end);
		end.fail_at = at;
		end.fail_finish = true;
		s->next = &end.base;
		assert_true(write_steps(s, data, 2 * MIB, 0, &err) != 0 ||
		    sink_finish(s, &err) != 0);
		assert_int_equal(err.kind, ERR_TRANSIENT);
		sink_free(s);
		catcher_release(&end);
	}
	secret_release(&key);
	budget_free(opts.budget);
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_size_comes_back),
	    cmocka_unit_test(a_small_part_survives_any_cuts),
	    cmocka_unit_test(a_flip_anywhere_is_seen),
	    cmocka_unit_test(a_cut_anywhere_is_seen),
	    cmocka_unit_test(bytes_after_the_end_are_seen),
	    cmocka_unit_test(chunks_keep_their_places),
	    cmocka_unit_test(another_part_snapshot_or_key_is_refused),
	    cmocka_unit_test(every_sealing_has_a_salt_of_its_own),
	    cmocka_unit_test(a_key_has_three_forms),
	    cmocka_unit_test(a_raw_key_may_hold_any_byte),
	    cmocka_unit_test(the_format_is_what_the_header_says),
	    cmocka_unit_test(a_failure_behind_comes_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
