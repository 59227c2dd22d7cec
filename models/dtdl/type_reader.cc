#include "models/dtdl/type_reader.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "models/dtdl/codes.h"
#include "models/dtdl/extensions.h"
#include "models/dtdl/metamodel.h"

namespace twin::dtdl {
namespace {

bool IsClassOfAnyVersion(absl::string_view word) {
  for (int i = 0; i < kClassCount; ++i) {
    if (ClassName(static_cast<Class>(i)) == word) return true;
  }
  return false;
}

}  // namespace

void TypeReader::WarnRepeated(const JsonNode& node) {
  findings_.Warn(code::kRepeatedType, element_, node,
                 absl::StrCat("the type '", node.text, "' stands twice"), "remove one of them");
}

bool TypeReader::Read(const JsonNode* types) {
  if (element_.role == nullptr && !NamesInterface(types)) {
    return CheckClass(types);
  }
  if (types == nullptr) {
    if (element_.role != nullptr) {
      element_.cls = InferredClass(*element_.role, element_.version);
    }
  } else if (types->is_array()) {
    for (const JsonNode& node : Children(*types)) {
      if (!ReadType(node)) return false;
    }
  } else if (!ReadType(*types)) {
    return false;
  }
  if (!CheckClass(types)) return false;
  if (!cotypes_.empty()) CheckCotypes();
  return true;
}

// Whether one of the types is Interface.
bool TypeReader::NamesInterface(const JsonNode* types) const {
  const auto is_interface = [&](const JsonNode& node) {
    const Term term = node.is_string() ? context_.Find(node.text) : Term();
    return term.kind == TermKind::kClass && term.cls == Class::kInterface;
  };
  if (types == nullptr || !types->is_array()) return types != nullptr && is_interface(*types);
  for (const JsonNode& node : Children(*types)) {
    if (is_interface(node)) return true;
  }
  return false;
}

bool TypeReader::ReadType(const JsonNode& node) {
  if (!node.is_string()) {
    return Fail(code::kBadType, node, "\"@type\" must be a string or an array of strings");
  }
  const Term term = context_.Find(node.text);
  if (term.kind == TermKind::kClass || term.kind == TermKind::kAdjunctType) {
    findings_.PreferTerm(node.text, element_, node);
  }
  switch (term.kind) {
    case TermKind::kClass:
      if (element_.cls == term.cls) WarnRepeated(node);
      if (term.cls == Class::kUnit) {
        return Fail(code::kBadType, node,
                    absl::StrCat("'", node.text, "' is a kind of unit, which no element can be"),
                    "write the quantity, and a unit as its \"unit\"");
      }
      if (element_.cls != Class::kNone && element_.cls != term.cls) {
        return Fail(
            code::kMultipleMaterialTypes, node,
            absl::StrCat("the element is ", AClass(element_.cls), " and ", AClass(term.cls)),
            "an element has exactly one DTDL type; remove one of them");
      }
      element_.cls = term.cls;
      return true;
    case TermKind::kAbstractClass:
      return Fail(code::kBadType, node,
                  absl::StrCat("'", node.text, "' only stands for other types"),
                  element_.role == nullptr
                      ? std::string("write \"Interface\"")
                      : absl::StrCat("write ", Describe(element_.role->range, element_.version)));
    case TermKind::kAdjunctType:
      if (term.type->abstract) {
        return Fail(code::kAbstractSupplementalType, node,
                    absl::StrCat("'", node.text, "' only stands for other types"),
                    "name one of them");
      }
      if (absl::c_any_of(cotypes_,
                         [&](const WrittenCotype& other) { return other.type == term.type; })) {
        WarnRepeated(node);
      } else {
        cotypes_.push_back({term.type, &node});
      }
      return true;
    default:
      return ReadUnknownType(node, term);
  }
}

// A word in "@type" that is no type. DTDL 2 lets many pass; what an unknown extension that is
// allowed may define passes everywhere.
bool TypeReader::ReadUnknownType(const JsonNode& node, const Term& term) {
  const bool lax = element_.version == 2;
  const auto accept = [&] {
    element_.informal = true;
    return true;
  };
  const WordForm form = FormOf(node.text, element_.version);
  if (form == WordForm::kBadDtmi) {
    return Fail(code::kTypeInvalidDtmi, node,
                absl::StrCat("the type '", node.text, "' is not a valid DTMI"),
                "name a type by its term, as in \"Telemetry\"");
  }
  if (term.kind != TermKind::kUnknown || form == WordForm::kDtmi) {
    if (context_.incomplete) return accept();
    return Fail(code::kTypeIrrelevantDtmiOrTerm, node,
                absl::StrCat("'", node.text, "' is no type of an element"),
                "remove it, or name the extension that defines it in \"@context\"");
  }
  if (IsClassOfAnyVersion(node.text)) {
    return Fail(code::kBadType, node,
                absl::StrCat("DTDL ", element_.version, " has no ", node.text),
                element_.role == nullptr
                    ? ""
                    : absl::StrCat("it takes ", Describe(element_.role->range, element_.version)));
  }
  if (lax) return accept();
  if (form == WordForm::kOtherUri) {
    return Fail(code::kTypeNotDtmiNorTerm, node,
                absl::StrCat("the type '", node.text, "' is neither a term nor a DTMI"),
                "name a type by its term, as in \"Telemetry\"");
  }
  if (context_.incomplete) return accept();
  return Fail(code::kTypeUndefinedTerm, node,
              absl::StrCat("no context defines the type '", node.text, "'"),
              SuggestType(node.text));
}

// What a type that nothing defines may have been meant to be.
std::string TypeReader::SuggestType(absl::string_view word) const {
  if (!state_.WantsSuggestions()) return "";
  for (const Extension& extension : Extensions()) {
    for (const AdjunctType* type : extension.types) {
      if (type->name != word || !InVersions(type->versions, element_.version)) continue;
      return absl::StrCat("add '", extension.context, ";", extension.version, "' to \"@context\"");
    }
  }
  std::vector<absl::string_view> known = context_.TermsOfKind(TermKind::kAdjunctType);
  const std::vector<absl::string_view> classes = context_.TermsOfKind(TermKind::kClass);
  known.insert(known.end(), classes.begin(), classes.end());
  return DidYouMean(word, known);
}

bool TypeReader::CheckClass(const JsonNode* types) {
  const TextRange at = types == nullptr ? element_.at : types->range();
  if (element_.role == nullptr) {
    if (element_.cls == Class::kInterface) return true;
    return Fail(code::kTypeNotRootable, at,
                types == nullptr ? std::string("the element has no \"@type\"")
                                 : absl::StrCat("only an Interface may stand at the top of a text",
                                                element_.cls == Class::kNone
                                                    ? ""
                                                    : absl::StrCat(", not ", AClass(element_.cls))),
                "write \"@type\": \"Interface\"");
  }
  const ClassSet range = element_.role->range;
  const bool standard_only = kPrimitiveSchemas.Has(element_.cls) ||
                             element_.cls == Class::kCommandType || element_.cls == Class::kUnit;
  if (element_.cls != Class::kNone && range.Has(element_.cls) && !standard_only &&
      InVersions(ClassVersions(element_.cls), element_.version)) {
    return true;
  }
  std::string message;
  if (standard_only) {
    message = absl::StrCat(AClass(element_.cls), " cannot be defined in a model");
  } else if (element_.cls == Class::kNone) {
    message = absl::StrCat("an element of '", element_.role->name,
                           "' has no \"@type\" that DTDL defines");
  } else {
    message = absl::StrCat("'", element_.role->name, "' cannot hold ", AClass(element_.cls));
  }
  std::string hint = standard_only ? "write its term instead, as in \"schema\": \"double\""
                                   : absl::StrCat("it takes ", Describe(range, element_.version));
  return Fail(code::kBadType, at, std::move(message), std::move(hint));
}

void TypeReader::CheckCotypes() {
  const auto written = [&](const std::string& id) {
    return absl::c_any_of(cotypes_,
                          [&](const WrittenCotype& other) { return other.type->id == id; });
  };
  std::vector<WrittenCotype> kept;
  for (const WrittenCotype& cotype : cotypes_) {
    const AdjunctType& type = *cotype.type;
    if (!type.cotypes.Has(element_.cls) && !written(type.instead)) {
      Fail(code::kInvalidCotype, *cotype.node,
           absl::StrCat(AClass(element_.cls), " cannot be '", type.name, "'"),
           absl::StrCat("'", type.name, "' is for ", Describe(type.cotypes, element_.version)));
      rejected_.push_back(&type);
    } else if (!InVersions(type.versions, element_.version)) {
      Fail(code::kInvalidCotypeVersion, *cotype.node,
           absl::StrCat("'", type.name, "' of this extension is not for DTDL ", element_.version),
           "use another version of the extension, or of DTDL");
      rejected_.push_back(&type);
    } else {
      kept.push_back(cotype);
    }
  }
  RejectConflicts(&kept);
  CheckCompany(kept);
  const absl::Span<const AdjunctType*> types =
      state_.arena->NewArray<const AdjunctType*>(kept.size());
  for (size_t i = 0; i < kept.size(); ++i) types[i] = kept[i].type;
  element_.cotypes = types;
}

// What a co-type needs beside it, and what it excludes.
void TypeReader::CheckCompany(const std::vector<WrittenCotype>& cotypes) {
  const auto name_of = [](const std::string& id) {
    const std::string name = id.substr(id.rfind(':') + 1);
    return name.substr(0, name.find(';'));
  };
  for (const WrittenCotype& cotype : cotypes) {
    const AdjunctType& type = *cotype.type;
    const auto has = [&](const std::string& id) {
      return absl::c_any_of(cotypes,
                            [&](const WrittenCotype& other) { return other.type->id == id; });
    };
    if (!type.needs.empty() && !has(type.needs)) {
      Fail(code::kMissingCocotype, *cotype.node,
           absl::StrCat("'", type.name, "' needs '", name_of(type.needs), "' beside it"),
           "add it to \"@type\"");
    }
    if (!type.excludes.empty() && has(type.excludes)) {
      Fail(code::kDisallowedCocotype, *cotype.node,
           absl::StrCat("'", type.name, "' and '", name_of(type.excludes), "' exclude each other"),
           "remove one of them");
    }
  }
}

// Two types that bring the same member: an element measures one quantity. Neither is kept.
void TypeReader::RejectConflicts(std::vector<WrittenCotype>* cotypes) {
  const auto member_of = [](const AdjunctType& type) {
    return type.members.empty() ? absl::string_view() : type.members.front()->id;
  };
  for (size_t i = 0; i < cotypes->size(); ++i) {
    for (size_t j = i + 1; j < cotypes->size(); ++j) {
      const AdjunctType& first = *(*cotypes)[i].type;
      const AdjunctType& second = *(*cotypes)[j].type;
      if (member_of(first).empty() || member_of(first) != member_of(second)) continue;
      Fail(code::kConflictingSupplementalTypes, *(*cotypes)[j].node,
           absl::StrCat("'", first.name, "' and '", second.name, "' both bring the member '",
                        first.members.front()->name, "'"),
           "an element measures one quantity; remove one of them");
      rejected_.push_back(&first);
      rejected_.push_back(&second);
      std::erase_if(*cotypes, [&](const WrittenCotype& cotype) {
        return cotype.type == &first || cotype.type == &second;
      });
      return;
    }
  }
}

}  // namespace twin::dtdl
