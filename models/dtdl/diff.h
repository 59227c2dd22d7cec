// Two versions of a model: what changed, whether twins of the old are twins of the new, and what
// they need if not.
//
//   const ModelDiff diff = Diff(*old_models->Find(id), *new_models->Find(id));
//   if (diff.compatibility() == Compatibility::kBreaking) Show(diff.changes);
//
// What breaks, and what a twin of the old then needs. The opposite is additive, unless said.
//   contents      removed; its kind changed; a Required Property or a        remove, set or add it
//                 Component added. A new name is a removal and an addition:
//                 the first says so when the two look alike
//   type          changed, unless every old value is exactly a new one,      convert, or set anew
//                 written alike: byte < short < integer < long, the same
//                 unsigned, unsigned < the next larger signed, up to 16
//                 bits < float, up to 32 bits < double, float < double.
//                 That is additive, though clients see another type. Not
//                 long < double, which rounds from 2^53 on, nor anything <
//                 decimal or string, which are written as strings
//   unit          changed, unless of the same size (additive); removed       convert, history too
//   semantic type changed; removed
//   bounds        Limited or Precise narrowed; another scale factor          correct or rescale
//   Required      added                                                      set it
//   Historized, writable, nullable   removed
//   Enum          a value removed or renumbered; renamed; made its value     replace the value
//                 type: the names are gone
//   Object        as contents, for its fields
//   Array, Map    as the type of what it holds
//   Relationship  another target, unless the old one is known to be a later  retarget or delete
//                 version of the new one or to extend it; fewer targets
//   Command       request or response removed, or added and not nullable;    (twins keep none)
//                 its name changed; its type as that of a Property
//   Component     of another model; else as its contents
//   extends       IS_OF_MODEL held for the old and does not for the new
//   extensions    any other co-type or member of one removed; changed
// Documentation only: texts, the names of a Map's keys and values, the version of DTDL.
// Not compared: ids inside an Interface, orders, schemas that nothing uses, commandType.
#ifndef TWIN_MODELS_DTDL_DIFF_H_
#define TWIN_MODELS_DTDL_DIFF_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "models/dtdl/model.h"

namespace twin::dtdl {

enum class Compatibility {
  kDocumentation,  // texts only: no twin, query or client can tell
  kAdditive,       // every twin of the old conforms to the new, and what could be asked still can
  kBreaking,       // some twin of the old does not conform, or something that was there is gone
};
absl::string_view CompatibilityName(Compatibility compatibility);  // "documentation", ..

struct ModelChange {
  Compatibility compatibility = Compatibility::kAdditive;
  // Content and what is below it: "soh.value"; "cells[]" and "limits{}" are what an Array and a Map
  // hold, "reset.request" what a Command takes. Empty: the Interface itself.
  std::string path;
  std::string what;       // "type changed from long to integer"
  std::string migration;  // what a twin of the old needs: "remove property 'x'"; empty: nothing
};

struct ModelDiff {
  std::string old_id, new_id;
  std::vector<ModelChange> changes;  // by path
  // The worst of the changes; kDocumentation when there is none.
  Compatibility compatibility() const;
};

// Compares the flattened contents of two Interfaces, which may stand in one set or in two, have the
// same id or different ones. Whether one target of a Relationship extends another, two Interfaces
// alone cannot tell: another target counts as breaking unless only its version is lower.
// A schema or Component that occurs several times is reported in full at the first place ("soh")
// and at the others in one line: "changed as 'soh' did".
// Thread-safe. Cost: linear in the size of both.
ModelDiff Diff(const Interface& old_model, const Interface& new_model);

struct SetDiff {
  std::vector<std::string> added, removed;  // ids that the other set has in no version
  // Those that both have, by id: changed ones, and those whose version is another.
  std::vector<ModelDiff> models;
  // The worst of all: what is removed breaks, what is added adds.
  Compatibility compatibility() const;
};

// Compares two sets of models. An Interface is compared with the one of the same id, else with the
// latest one that differs only in its version, either way: of {A;1} and {A;1, A;2} both A;1 with
// A;1 and A;1 with A;2. Knows which target of a Relationship extends which in the new set.
SetDiff Diff(const ModelSet& old_models, const ModelSet& new_models);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_DIFF_H_
