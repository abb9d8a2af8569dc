#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rdb/decimal.h"

/* A mantissa up to 2^53 and a power of ten up to this are exact as doubles. */
#define EXACT_MANTISSA (UINT64_C(1) << 53)
#define EXACT_POWER    22

static const char PAIRS[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334"
    "3536373839404142434445464748495051525354555657585960616263646566676869"
    "707172737475767778798081828384858687888990919293949596979899";

size_t
decimal_format(char out[DECIMAL_INT_MAX], int64_t value)
{
	char text[DECIMAL_INT_MAX];
	char *p = text + sizeof(text);
	uint64_t n = value < 0 ? -(uint64_t)value : (uint64_t)value;
	size_t len;

	while (n >= 100) {
		p -= 2;
		memcpy(p, PAIRS + 2 * (n % 100), 2);
		n /= 100;
	}
	if (n >= 10) {
		p -= 2;
		memcpy(p, PAIRS + 2 * n, 2);
	} else {
		*--p = (char)('0' + n);
	}
	if (value < 0)
		*--p = '-';
	len = (size_t)(text + sizeof(text) - p);
	memcpy(out, p, len);
	return len;
}

bool
decimal_integer(const char *s, size_t len, int64_t *out)
{
	bool negative = len > 0 && s[0] == '-';
	size_t i = negative;
	uint64_t n = 0;

	if (len == i || len > DECIMAL_INT_MAX)
		return false;
	if (s[i] == '0' && (len > 1 || negative))
		return false;
	for (; i < len; i++) {
		unsigned digit = (unsigned char)s[i] - (unsigned)'0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = 10 * n + digit;
	}
	if (n > (uint64_t)INT64_MAX + negative)
		return false;
	*out = (int64_t)(negative ? -n : n);
	return true;
}

/*
 * Plain decimals of few digits, which most scores are: mantissa and power of
 * ten are both exact doubles then, so one division rounds correctly.
 */
static bool
plain_decimal(const char *s, size_t len, double *out)
{
	static const double powers[EXACT_POWER + 1] = {1e0, 1e1, 1e2, 1e3, 1e4,
	    1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
	    1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	bool negative = len > 0 && s[0] == '-';
	size_t i = negative, digits = 0, fraction = 0;
	uint64_t mantissa = 0;
	bool dot = false;

	for (; i < len; i++) {
		if (s[i] == '.' && !dot) {
			dot = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			return false;
		mantissa = 10 * mantissa + (uint64_t)(s[i] - '0');
		digits++;
		fraction += dot;
		if (mantissa > EXACT_MANTISSA || fraction > EXACT_POWER)
			return false;
	}
	if (digits == 0)
		return false;
	*out = (double)mantissa / powers[fraction];
	if (negative)
		*out = -*out;
	return true;
}

/* strtod() in the "C" locale, whatever the process has set. */
static bool
any_decimal(const char *s, size_t len, double *out)
{
	char text[DECIMAL_SCORE_MAX + 1];
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	char *end;

	memcpy(text, s, len);
	text[len] = '\0';
	if (c == (locale_t)0)
		return false;
	*out = strtod_l(text, &end, c);
	freelocale(c);
	return end == text + len && !isnan(*out);
}

bool
decimal_score(const char *s, size_t len, double *out)
{
	if (len == 0 || len > DECIMAL_SCORE_MAX ||
	    isspace((unsigned char)s[0]) || memchr(s, '\0', len) != NULL)
		return false;
	return plain_decimal(s, len, out) || any_decimal(s, len, out);
}
