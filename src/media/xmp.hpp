// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Values out of an XMP packet (ISO 16684-1), found by the local names of properties, without an
/// XML parser: only single properties are wanted, and packets are hostile and often not well
/// formed.
namespace podstudio::media {

/// The value of the first property with this local name (`DigitalSourceType`), from an attribute,
/// an element's text, the first item of its array, or its rdf:resource; entities are decoded. Empty
/// where there is none. Takes time linear in the packet's size.
std::string xmp_value(std::string_view packet, std::string_view local_name,
                      std::size_t size_bytes_max);

/// Decodes the five named entities and numbers; what is none stays as it is.
std::string decode_entities(std::string_view text);

}  // namespace podstudio::media
