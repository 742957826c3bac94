// What checks found, for people, programs and documents.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/weft/check_model.h"

namespace weft::cli {

// One line: verdict, folder, backends, how it ran, and its largest error or what went wrong.
std::string check_line(const FolderCheck& check);

// An object with every set and output. Keys are only ever added.
std::string checks_json(const std::vector<FolderCheck>& checks);

// Tables with a row per model and a column per exporter (the last two folders of a path), one for
// each list of backends: the relative errors of the sets, in their order. What does not pass is
// listed below with its reason.
std::string checks_markdown(const std::vector<FolderCheck>& checks);

}  // namespace weft::cli
