#include "models/dtdl/context.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "models/dtdl/codes.h"
#include "models/dtdl/dtmi.h"

namespace twin::dtdl {
namespace {

constexpr absl::string_view kCoreContext = "dtmi:dtdl:context";
constexpr absl::string_view kLimitless = "#limitless";
constexpr absl::string_view kLimits = "#limits";
constexpr int64_t kFirstWithLimits = 4000000;  // version 4, as SplitVersion counts
// The one extension whose context may stand before the core one: it implies DTDL 2.
constexpr absl::string_view kImpliesDtdl2 = "dtmi:iotcentral:context;2";

// "dtmi:dtdl:context;4#limits" in its three parts.
struct ContextId {
  absl::string_view name, version, fragment;
};
ContextId Split(absl::string_view id) {
  ContextId parts;
  const size_t hash = id.find('#');
  if (hash != absl::string_view::npos) {
    parts.fragment = id.substr(hash);
    id = id.substr(0, hash);
  }
  const size_t semicolon = id.find(';');
  if (semicolon != absl::string_view::npos) {
    parts.version = id.substr(semicolon + 1);
    id = id.substr(0, semicolon);
  }
  parts.name = id;
  return parts;
}

// Without a version it names no version of DTDL, and is like any other context.
bool IsCore(const JsonNode& node) {
  return node.is_string() && Split(node.text).name == kCoreContext &&
         absl::StrContains(node.text, ';');
}

constexpr absl::string_view kCoreHint =
    "write \"@context\": \"dtmi:dtdl:context;3\" (or ;2, ;4), extensions after it in an array";

}  // namespace

// The values of "@context", and how far they have been read.
struct ContextReader::Specifiers {
  std::vector<const JsonNode*> nodes;
  size_t next = 0;
  bool done() const { return next == nodes.size(); }
  const JsonNode& peek() const { return *nodes[next]; }
};

WordForm FormOf(absl::string_view word, int version) {
  if (absl::StartsWith(word, "dtmi:")) {
    return IsModelId(word, version) ? WordForm::kDtmi : WordForm::kBadDtmi;
  }
  return absl::StrContains(word, ':') ? WordForm::kOtherUri : WordForm::kTerm;
}

Term ActiveContext::Find(absl::string_view word) const {
  if (absl::StartsWith(word, "dtmi:")) {
    // Parts of what the language defines have ids, but models cannot name them.
    if (absl::StrContains(word, ":_")) return {};
    const Term term = Vocabulary::Get().FindId(word);
    // An id of a later version of the language, or a class or member of another one, is not known.
    if (term.version > version) return {};
    const bool exact = term.kind == TermKind::kClass || term.kind == TermKind::kMember;
    return exact && term.version != version ? Term() : term;
  }
  if (const auto found = core->find(word); found != core->end()) return found->second;
  for (const ExtensionContext* extension : extensions) {
    const auto found = extension->terms.find(word);
    if (found != extension->terms.end()) return found->second;
  }
  return {};
}

Term ActiveContext::FindUnit(absl::string_view word) const {
  if (version == 2) return Find(word);  // where units are terms of the core context
  for (const ExtensionContext* extension : extensions) {
    const auto found = extension->terms.find(word);
    if (found != extension->terms.end() && found->second.element != nullptr) return found->second;
  }
  return Find(word);
}

std::vector<absl::string_view> ActiveContext::TermsOfKind(TermKind kind) const {
  std::vector<absl::string_view> names;
  const auto add = [&](const Terms& terms) {
    for (const auto& [name, term] : terms) {
      if (term.kind == kind) names.push_back(name);
    }
  };
  add(*core);
  for (const ExtensionContext* extension : extensions) add(extension->terms);
  std::sort(names.begin(), names.end());
  return names;
}

bool ContextReader::Fail(absl::string_view code, const JsonNode& node, std::string message,
                         std::string hint) {
  state_.Error(code, {document_, node.begin, node.end}, "", std::move(message), std::move(hint),
               partition_);
  return false;
}

void ContextReader::Warn(absl::string_view code, const JsonNode& node, std::string message,
                         std::string hint) {
  state_.Warn(code, {document_, node.begin, node.end}, "", std::move(message), std::move(hint));
}

const ActiveContext* ContextReader::Read(const JsonNode* value, const ActiveContext* inherited,
                                         uint32_t document, const JsonNode& object,
                                         Element* partition) {
  document_ = document;
  partition_ = partition;
  if (value == nullptr) {
    if (inherited != nullptr) return inherited;
    state_.Error(code::kMissingContext, {document, object.begin, object.begin + 1}, "",
                 "the element has no \"@context\"", std::string(kCoreHint), partition);
    return nullptr;
  }
  std::string text;
  if (inherited == nullptr) {
    text = std::string(state_.TextAt({document, value->begin, value->end}));
    const auto found = by_text_.find(text);
    if (found != by_text_.end()) return found->second;
  }

  Specifiers specifiers;
  if (value->is_array()) {
    for (const JsonNode& node : Children(*value)) specifiers.nodes.push_back(&node);
  } else {
    specifiers.nodes.push_back(value);
  }
  if (specifiers.nodes.empty()) {
    if (inherited != nullptr) return inherited;
    Fail(code::kEmptyContext, *value, "\"@context\" is empty", std::string(kCoreHint));
    return nullptr;
  }
  for (const JsonNode* node : specifiers.nodes) {
    if (node->is_string() || node->is_object()) continue;
    Fail(code::kInvalidContext, *node, "a context must be a string that names it",
         std::string(kCoreHint));
    return nullptr;
  }
  if (specifiers.nodes.back()->is_object()) {
    Fail(code::kDisallowedLocalContext, *specifiers.nodes.back(), "DTDL knows no local contexts",
         "remove the object from \"@context\"");
    return nullptr;
  }
  ActiveContext context;
  if (inherited != nullptr) context = *inherited;
  if (!ReadCore(&specifiers, &context)) return nullptr;
  while (!specifiers.done()) {
    const JsonNode& node = *specifiers.nodes[specifiers.next++];
    if (node.is_object()) {
      Fail(code::kLocalContextNotLast, node, "a local context must be the last context",
           "DTDL knows no local contexts: remove it");
      return nullptr;
    }
    if (!ReadExtension(node, false, &context)) return nullptr;
  }
  contexts_.push_back(std::move(context));
  if (inherited == nullptr) by_text_.emplace(std::move(text), &contexts_.back());
  return &contexts_.back();
}

bool ContextReader::ReadCore(Specifiers* specifiers, ActiveContext* context) {
  // The exception of DTDL 2: one extension may precede the core context.
  const JsonNode* leading = nullptr;
  if (context->version == 0 && specifiers->peek().text == kImpliesDtdl2) {
    leading = &specifiers->peek();
    Warn(code::kExtensionBeforeDtdlContext, *leading,
         "the context of an extension stands before that of DTDL", "put dtmi:dtdl:context;2 first");
    ++specifiers->next;
  }
  const bool top = context->version == 0;
  if (specifiers->done() || !IsCore(specifiers->peek())) {
    if (!top) return true;
    return Fail(code::kMissingDtdlContext, *specifiers->nodes.front(),
                "no context names the version of DTDL", std::string(kCoreHint));
  }
  const JsonNode* previous = nullptr;
  while (!specifiers->done() && IsCore(specifiers->peek())) {
    const JsonNode& node = specifiers->peek();
    if (previous != nullptr) {
      Warn(code::kSeveralDtdlContexts, *previous,
           absl::StrCat("several contexts name a version of DTDL; '", node.text, "' holds"),
           "keep one of them");
    }
    previous = &node;
    const ContextId id = Split(node.text);
    if (!id.fragment.empty() && id.fragment != kLimitless && id.fragment != kLimits) {
      return Fail(code::kInvalidContextFragment, node,
                  absl::StrCat("'", id.fragment, "' is no part of the DTDL context"),
                  "only #limitless, followed by a context of limits, is");
    }
    if (!ReadCoreVersion(node, id.fragment, id.version, context)) return false;
    if (id.fragment == kLimits) {
      return Fail(code::kMisplacedLimitContext, node,
                  absl::StrCat("'", node.text, "' must follow the #limitless context"),
                  "write dtmi:dtdl:context;4#limitless before it, or leave the fragment out");
    }
    ++specifiers->next;
    if (id.fragment == kLimitless && !ReadLimits(specifiers, context)) return false;
  }
  return leading == nullptr || ReadExtension(*leading, false, context);
}

bool ContextReader::ReadCoreVersion(const JsonNode& node, absl::string_view fragment,
                                    absl::string_view version, ActiveContext* context) {
  const size_t dot = version.find('.');
  if (!IsModelId(absl::StrCat(kCoreContext, ";", version), 4)) {
    return Fail(code::kInvalidContextSpecifier, node,
                absl::StrCat("'", node.text, "' is not a valid context id"),
                std::string(kCoreHint));
  }
  int number = 0;
  if (!absl::SimpleAtoi(version.substr(0, dot), &number) || number < 2 || number > 4) {
    return Fail(code::kUnrecognizedContextVersion, node,
                absl::StrCat("DTDL version ", version, " is not known"), "known are 2, 3 and 4");
  }
  if (dot != absl::string_view::npos && number == 2) {
    return Fail(code::kInvalidContextSpecifierForVersion, node, "DTDL 2 knows no minor versions",
                "write dtmi:dtdl:context;2");
  }
  if (!fragment.empty() && number < 4) {
    return Fail(code::kDisallowedContextFragment, node,
                absl::StrCat("DTDL ", number, " knows no contexts of limits"),
                "write the context without its fragment, or use DTDL 4");
  }
  if (number > state_.options.dtdl_version_max) {
    return Fail(code::kDisallowedContextVersion, node,
                absl::StrCat("DTDL ", number, " is not accepted here"),
                absl::StrCat("use a version up to ", state_.options.dtdl_version_max));
  }
  // A new version of the language starts afresh with its own bounds.
  context->version = number;
  context->bounds = static_cast<Bounds>(number - 2);
  context->core = &Vocabulary::Get().Core(number);
  return true;
}

// After ...#limitless: the context whose limits hold.
bool ContextReader::ReadLimits(Specifiers* specifiers, ActiveContext* context) {
  if (!specifiers->done() && specifiers->peek().is_string()) {
    const JsonNode& node = specifiers->peek();
    const ContextId id = Split(node.text);
    if (id.name == kCoreContext && (id.fragment.empty() || id.fragment == kLimits) &&
        SplitVersion(absl::StrCat(id.name, ";", id.version)).version >= kFirstWithLimits) {
      ++specifiers->next;
      return ReadCoreVersion(node, id.fragment, id.version, context);
    }
    if (absl::StartsWith(id.name, "dtmi:dtdl:limits:")) {
      ++specifiers->next;
      return ReadExtension(node, true, context);
    }
  }
  const JsonNode& limitless = *specifiers->nodes[specifiers->next - 1];
  return Fail(
      code::kMissingLimitContext, limitless,
      "a #limitless context must be followed at once by a context of limits",
      "write dtmi:dtdl:context;4, dtmi:dtdl:limits:onvif;1 or dtmi:dtdl:limits:aio;1 after it");
}

bool ContextReader::UndefinedAllowed(const ActiveContext& context) const {
  switch (state_.options.undefined_extensions) {
    case UndefinedExtensions::kAllow:
      return true;
    case UndefinedExtensions::kDisallow:
      return false;
    case UndefinedExtensions::kDefault:
      break;
  }
  return context.version == 2;
}

bool ContextReader::ReadExtension(const JsonNode& node, bool may_be_limits,
                                  ActiveContext* context) {
  if (IsCore(node)) {
    return Fail(code::kDtdlContextFollowsAffiliate, node,
                "the DTDL context must come before those of extensions", std::string(kCoreHint));
  }
  if (!absl::StartsWith(node.text, "dtmi:")) {
    return Fail(code::kNonDtmiContextSpecifier, node,
                absl::StrCat("'", node.text, "' is no context of DTDL: contexts are DTMIs"),
                "remove it, or name an extension such as dtmi:dtdl:extension:historization;1");
  }
  const ContextId id = Split(node.text);
  if (!id.fragment.empty() || !Dtmi::Parse(node.text).ok()) {
    return Fail(code::kInvalidContextSpecifier, node,
                absl::StrCat("'", node.text, "' is not a valid context id"),
                "a context id is a DTMI with a version and no fragment");
  }
  if (!IsModelId(node.text, context->version)) {
    return Fail(
        code::kInvalidContextSpecifierForVersion, node,
        absl::StrCat("'", node.text, "' is not a valid context id in DTDL ", context->version),
        context->version == 2 ? "DTDL 2 wants a version of one number, as in ;1"
                              : "its labels must begin with a letter");
  }
  if (id.version.empty()) {
    return Fail(code::kMissingContextVersion, node,
                absl::StrCat("'", node.text, "' names no version"), "append one, as in ;1");
  }
  const auto versions = Vocabulary::Get().FindContext(id.name);
  const int64_t wanted = SplitVersion(node.text).version;
  const ExtensionContext* best = nullptr;
  for (const ExtensionContext* candidate : versions) {
    const int64_t offered = int64_t{1000000} * candidate->extension->version;
    if (offered <= wanted && wanted < offered + 1000000) best = candidate;
  }
  if (best == nullptr) {
    // Limits that nobody knows cannot be kept, so they are refused whatever else is allowed.
    if (UndefinedAllowed(*context) && !may_be_limits) {
      context->incomplete = true;
      Warn(
          code::kUnknownExtension, node,
          absl::StrCat("the extension '", node.text, "' is not known; what it brings is unchecked"),
          "");
      return true;
    }
    if (!versions.empty()) {
      return Fail(code::kUnresolvableContextVersion, node,
                  absl::StrCat("version ", id.version, " of ", id.name, " is not known"),
                  absl::StrCat("the latest known one is ", id.name, ";",
                               versions.back()->extension->version));
    }
    std::vector<absl::string_view> known(Vocabulary::Get().ContextNames().begin(),
                                         Vocabulary::Get().ContextNames().end());
    std::string hint = DidYouMean(node.text, known);
    if (hint.empty()) hint = "remove it, or allow undefined extensions";
    return Fail(code::kUnresolvableContextSpecifier, node,
                absl::StrCat("the extension '", node.text, "' is not known"), std::move(hint));
  }
  const Extension& extension = *best->extension;
  if (extension.limits != Bounds::kV2) {
    if (!may_be_limits) {
      return Fail(code::kMisplacedLimitContext, node,
                  absl::StrCat("'", node.text, "' must follow the #limitless context at once"),
                  "write [\"dtmi:dtdl:context;4#limitless\", \"…\"]");
    }
    if (!absl::c_linear_search(state_.options.limits, extension.context) &&
        !absl::c_linear_search(state_.options.limits, node.text)) {
      return Fail(code::kDisallowedLimitContext, node,
                  absl::StrCat("the limits '", node.text, "' are not accepted here"),
                  "use dtmi:dtdl:context;4");
    }
    context->bounds = extension.limits;
    return true;
  }
  // Of several versions of one extension the last one named wins.
  std::erase_if(context->extensions, [&](const ExtensionContext* other) {
    return other->extension->context == extension.context;
  });
  context->extensions.push_back(best);
  return true;
}

}  // namespace twin::dtdl
