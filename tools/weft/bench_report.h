// What `weft bench` prints: a table for people, csv and JSON for programs.
#pragma once

#include <string>
#include <vector>

#include "tools/weft/measurement.h"

namespace weft::cli {

// Everything measured with one number of threads, on an engine of its own.
struct BenchRun {
  int threads = 1;
  std::string backends;   // who computes, in the order of their first nodes: "cpu+opencl"
  std::string placement;  // "342 of 342 nodes on cpu"
  double import_ms = 0, prepare_ms = 0;
  int64_t peak_rss_bytes = 0;  // of this run alone where /proc lets it be reset; 0: not known
  std::vector<Measurement> tests;
};

struct BenchReport {
  std::string model;  // as given
  std::vector<BenchRun> runs;
};

// llama-bench's columns, and three of ours: the time to a prompt's first logits (TTFT), the time of
// a generated token (TPOT), and what others took of the processors. A row with more than 5 % of
// that is marked "!N%" after its rate, since it is not to be compared. A row of text per number of
// threads follows with its peak memory.
std::string to_markdown(const BenchReport& report);

// A header and a row for each test; a figure that is not known is empty.
std::string to_csv(const BenchReport& report);

// One object; the repeats one by one. A figure that is not known is null.
std::string to_json(const BenchReport& report);

}  // namespace weft::cli
