// SPDX-License-Identifier: GPL-2.0-only
/* Give each file named on the command line to the fuzz function, once. */
#include <stdio.h>

#include "test/fuzz/fuzz.h"

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t size = 1 << 20, n;
		uint8_t *data = malloc(size), *exact;

		if (!f || !data) {
			perror(argv[i]);
			return 2;
		}
		n = fread(data, 1, size, f);
		fclose(f);
		/* exactly as big, so that a sanitizer sees a byte too far */
		exact = malloc(n ? n : 1);
		if (!exact)
			return 2;
		memcpy(exact, data, n);
		LLVMFuzzerTestOneInput(exact, n);
		free(exact);
		free(data);
	}
	printf("%d files\n", argc - 1);
	return 0;
}
