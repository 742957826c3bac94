// Finds files that may be plugins, and says about each why it is used or not.
//
// Where it looks, in this order:
//   1. files named on the command line (--plugin)
//   2. WEFT_PLUGIN_PATH: folders or files, separated by colons; ignored in a set-uid program
//   3. <prefix>/lib/weft/plugins, beside the folder of the executable
// Never the current folder and never LD_LIBRARY_PATH: a plugin is code that runs as the user.
//
// For the same reason a file is refused when it is not a regular file, when anyone may write to it
// or to its folder, or when it belongs to neither root nor this user. Nothing is loaded here: what
// a candidate says about itself comes from its note (note.h).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/host/note.h"

namespace weft::host {

enum class Verdict {
  accepted,
  duplicate,  // another candidate before it is the same file
  refused,
};

struct Candidate {
  std::filesystem::path path;  // canonical where it exists, else as it was given
  std::string source;          // "--plugin", "WEFT_PLUGIN_PATH" or the folder's name
  Verdict verdict = Verdict::refused;
  std::string why;           // a sentence when it is not accepted
  std::optional<Note> note;  // when the file has one
};

struct SearchPlaces {
  std::vector<std::filesystem::path> files;  // --plugin
  std::string path_variable;                 // the value of WEFT_PLUGIN_PATH
  std::filesystem::path folder;              // <prefix>/lib/weft/plugins; may not exist
};

// The places of this process: the environment variable unless the program runs with raised
// privileges, and the folder found from the executable (not from its name or the current folder).
SearchPlaces usual_places(std::vector<std::filesystem::path> files = {});

// Every candidate in the order of the places, files of a folder by name; only names that end in
// ".so" count there. A file or folder that is asked for and missing is a refused candidate.
std::vector<Candidate> discover(const SearchPlaces& places);

// The checks of one file, as discover() makes them.
Candidate examine(const std::filesystem::path& path, const std::string& source);

}  // namespace weft::host
