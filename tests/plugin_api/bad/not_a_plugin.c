/* A library without the note, whose constructor leaves a mark: looking for plugins must not run it.
 * It also exports two symbols, which the check of exports must notice. */
#include <stdio.h>
#include <stdlib.h>

int weft_plugin_entry(void);
int another(void);

__attribute__((constructor)) static void leave_a_mark(void) {
  const char* path = getenv("WEFT_TEST_MARK");
  FILE* file = path ? fopen(path, "w") : NULL;
  if (file) (void)fclose(file);
}

__attribute__((visibility("default"))) int weft_plugin_entry(void) { return 0; }
__attribute__((visibility("default"))) int another(void) { return 0; }
