// SPDX-License-Identifier: GPL-2.0-only
/* Text in lines of a width: see fold.h. */
#include "util/fold.h"

#include <ctype.h>
#include <string.h>

/* Of the first @n bytes: bytes that go on a character of UTF-8 have none of their own. */
static int columns(const char *text, size_t n)
{
	int ret = 0;

	for (size_t i = 0; i < n && text[i]; i++) {
		if (text[i] == '\033') {
			i += strcspn(text + i, "m");
			continue;
		}
		ret += (text[i] & 0xc0) != 0x80;
	}
	return ret;
}

int fold_width(const char *text)
{
	return columns(text, strlen(text));
}

/* Bytes of @text up to where it may be cut next; what is quoted is one where it takes @most at most. */
static size_t next_part(const char *text, int most)
{
	size_t n = strcspn(text, " "), start = strcspn(text, "'");
	const char *end;

	if (start >= n || (start && isalnum((unsigned char)text[start - 1])))	/* "port's" */
		return n;
	end = strchr(text + start + 1, '\'');
	if (!end)
		return n;
	end += strcspn(end, " ");
	return columns(text, (size_t)(end - text)) <= most ? (size_t)(end - text) : n;
}

/* Of a word, or path, of @n bytes that no line has room for: what does, up to a '/' if there is one. */
static size_t first_of(const char *text, size_t n, int room)
{
	size_t fits = 0, slash = 0;

	for (size_t i = 1; i <= n && columns(text, i) <= room; i++) {
		fits = i;
		if (text[i - 1] == '/')
			slash = i;
	}
	return slash ? slash : fits ? fits : n;
}

void fold_text(FILE *f, const char *text, int at, int indent, int width)
{
	int column = at;

	while (*text) {
		size_t n = width ? next_part(text, width - indent) : strlen(text);
		int wide = columns(text, n);

		if (width && column > at && column + 1 + wide > width) {
			fprintf(f, "\n%*s", indent, "");
			column = at = indent;
		}
		if (column > at) {
			fputc(' ', f);
			column++;
		}
		if (width && column + wide > width && width > indent) {
			n = first_of(text, n, width - column);
			wide = columns(text, n);
		}
		fwrite(text, 1, n, f);
		column += wide;
		text += n;
		if (*text && *text != ' ') {	/* the rest of a word that has no room */
			fprintf(f, "\n%*s", indent, "");
			column = at = indent;
		}
		text += *text == ' ';
	}
	fputc('\n', f);
}
