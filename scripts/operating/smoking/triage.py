"""The playbook's reading of the dev edge: where an answer was lost, by which of the two chats came through."""

#: What an edge answers where it waited too long for what is behind it.
EDGE_GAVE_UP = (499, 504, 522, 524)


def read(json, stream, json_late=False, origin=None):
    """Lines that say what the results mean. `json` and `stream` are whether the chats passed through the edge, `json_late` whether
    the first ran out of time, `origin` the same pair of the origin itself, where it could be asked."""
    if json and stream:
        lines = ["Both are well. If one failed before, it was transient: repeat this, and collect the Ray IDs (cf-ray) of what fails."]
    elif stream and json_late:
        lines = [
            "The stream is well, the non-stream request ran out of time: a buffering or timeout policy for POST at the edge or "
            "the ingress. Look for 522, 524 and 499 there by the Ray ID, at the WAF's rules for POST JSON, and at Traefik's timeouts."
        ]
    elif stream:
        lines = ["The stream is well, the non-stream request failed, and not by its time: see its reason above."]
    elif json:
        lines = ["The non-stream request is well, the stream is not: something on the way holds streams back or cuts them."]
    else:
        lines = ["Both failed: the origin, or auth (the key, the target of ForwardAuth)."]
    if origin is None:
        return lines
    if json and stream:
        lines.append(
            "The origin, asked directly, is well, too." if all(origin) else "The origin, asked directly, failed: see its reason above."
        )
    elif all(origin):
        lines.append("The origin, asked directly, is well: it is between the client and the front (edge, Traefik, ForwardAuth).")
    else:
        lines.append("The origin, asked directly, fails, too: begin there (logs of front and worker), not at the edge.")
    return lines
