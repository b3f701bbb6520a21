"""A copy that tries not to look like one: other names, another order, other comments and layout."""

import ast
import builtins


class Renamed(ast.NodeTransformer):
    """Give every name that anybody may choose another one."""

    def __init__(self, kept):
        self._new, self._kept = {}, {*dir(builtins), "np", *kept}

    def _name(self, name):
        return name if name in self._kept else self._new.setdefault(name, f"my_{len(self._new)}")

    def visit_Name(self, node):
        node.id = self._name(node.id)
        return node

    def visit_arg(self, node):
        node.arg = self._name(node.arg)
        return node

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.name = self._name(node.name)
        return node


def disguise(source, *kept):
    """Return a source that computes the same in other words; the names of `kept` stay.

    Comments, docstrings and layout go, names change, and of two simple assignments in a row that do not use each
    other's targets the second comes first.
    """
    tree = Renamed(kept).visit(ast.parse(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if ast.get_docstring(node):
                del node.body[0]
            node.body = [*ast.parse("started = True").body, *swapped(node.body)]
    return ast.unparse(tree).replace("\n    ", "\n        ") + "\n# all of this is mine\n"


def swapped(body):
    """Return statements with neighbours that do not need each other in the other order."""
    done, rest = [], list(body)
    while rest:
        first = rest.pop(0)
        if rest and isinstance(first, ast.Assign) and isinstance(rest[0], ast.Assign) and not needs(rest[0], first):
            done.append(rest.pop(0))
        done.append(first)
    return done


def needs(second, first):
    """Tell whether one of two assignments uses or sets what the other sets."""
    names = [{node.id for node in ast.walk(one) if isinstance(node, ast.Name)} for one in (first, second)]
    targets = [
        {node.id for target in one.targets for node in ast.walk(target) if isinstance(node, ast.Name)}
        for one in (first, second)
    ]
    return bool(targets[0] & names[1] or targets[1] & names[0])
