/* weft/note.h - the mark that tells a loader "this file is a Weft plugin" without running its code.
 *
 * Include it in exactly one source file of a plugin, C99 or C++. It places an ELF note (section
 * .note.weft, segment PT_NOTE, kept by strip) into the library:
 *
 *   name  "WEFT"                                          type  WEFT_NOTE_TYPE
 *   desc  { ABI major, ABI minor, WEFT_NOTE_* flags, 0 }  four uint32, the file's byte order
 *
 * The flags name the sanitizers the plugin was compiled with: one built with AddressSanitizer
 * cannot be loaded into a program that lacks its runtime, and the loader says so before trying.
 */
#ifndef WEFT_NOTE_H_
#define WEFT_NOTE_H_
#include <weft/plugin.h>

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_NOTE_ASAN_ WEFT_NOTE_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_NOTE_ASAN_ WEFT_NOTE_ADDRESS_SANITIZER
#endif
#endif
#ifndef WEFT_NOTE_ASAN_
#define WEFT_NOTE_ASAN_ 0u
#endif

#if defined(__SANITIZE_THREAD__)
#define WEFT_NOTE_TSAN_ WEFT_NOTE_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_NOTE_TSAN_ WEFT_NOTE_THREAD_SANITIZER
#endif
#endif
#ifndef WEFT_NOTE_TSAN_
#define WEFT_NOTE_TSAN_ 0u
#endif

/* What this translation unit was compiled with, as the note says it. */
#define WEFT_NOTE_FLAGS (WEFT_NOTE_ASAN_ | WEFT_NOTE_TSAN_)

struct weft_note_record {
  uint32_t name_size, desc_size, type;
  char name[8]; /* five bytes with the NUL, padded to a multiple of four */
  uint32_t desc[4];
};

/* A test of the loader writes other versions; a plugin leaves these two alone. */
#ifndef WEFT_NOTE_MAJOR
#define WEFT_NOTE_MAJOR WEFT_VERSION_MAJOR
#endif
#ifndef WEFT_NOTE_MINOR
#define WEFT_NOTE_MINOR WEFT_VERSION_MINOR
#endif

__attribute__((section(".note.weft"), aligned(4),
               used)) static const struct weft_note_record weft_note_ = {
    5u,
    16u,
    WEFT_NOTE_TYPE,
    WEFT_NOTE_NAME,
    {WEFT_NOTE_MAJOR, WEFT_NOTE_MINOR, WEFT_NOTE_FLAGS, 0u}};
#endif
